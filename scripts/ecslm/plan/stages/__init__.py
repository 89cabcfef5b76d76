"""A module for each stage: the rules of the stage, and what their jobs make from what."""
