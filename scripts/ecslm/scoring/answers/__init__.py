"""Parsing answers from raw predictions: one module per answer type, loaded by name."""
