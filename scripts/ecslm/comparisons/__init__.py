"""Comparisons of the study's own scores: declared contrasts, tested record by record."""
