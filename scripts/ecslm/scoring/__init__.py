"""Scoring predictions: parsing answers, metrics, intervals."""
