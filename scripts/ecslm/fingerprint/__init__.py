"""Digests of the code that a script runs."""
