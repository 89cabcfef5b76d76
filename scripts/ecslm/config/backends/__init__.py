"""Entries of `models:`, a module for each backend. Jobs import none of them."""
