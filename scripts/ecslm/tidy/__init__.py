"""The results of a study as a few tidy tables, which all that is printed reads."""
