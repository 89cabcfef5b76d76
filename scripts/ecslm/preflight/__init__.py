"""Checks whether a run would succeed, before it starts; a module for each kind of check."""
