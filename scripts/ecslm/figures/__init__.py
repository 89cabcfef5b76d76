"""Figures of a study: what they show, and how it is drawn."""
