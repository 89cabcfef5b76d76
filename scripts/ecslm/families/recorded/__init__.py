"""Answers in files."""
