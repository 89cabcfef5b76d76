"""Generators of the samples of each task, one module per family of tasks."""
