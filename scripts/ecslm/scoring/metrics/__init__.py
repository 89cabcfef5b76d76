"""Parsed answers to scores: one module a metric family, loaded by name. Never imports torch."""
