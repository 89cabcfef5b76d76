"""Metrics of parsed answers: one module per metric, loaded by name. Never imports torch."""
