"""A module for each kind of table: the class of its entries in the configuration."""
