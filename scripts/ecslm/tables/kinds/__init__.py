"""A module for each kind of table, loaded by name."""
