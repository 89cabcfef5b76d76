"""Schemas and paths of files that several packages read or write."""
