"""Estimates of what jobs need: memory, time and money, from the size of a model. No torch."""
