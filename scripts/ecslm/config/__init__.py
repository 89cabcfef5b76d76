"""The configuration: closed schemas, references between sections, readable errors."""
