"""Scores, costs and answers of a study as tidy tables, from which all printed ones are."""
