"""Local weights: a base, with or without an adapter."""
