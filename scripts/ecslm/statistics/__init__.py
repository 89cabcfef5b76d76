"""Intervals of scores, and tests of whether two of them differ."""
