"""The configuration: closed schemas, references between sections, errors in words."""
