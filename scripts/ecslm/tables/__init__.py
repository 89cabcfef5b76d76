"""Tables: data first (`model`), built by one module a kind, then rendered to LaTeX, JSON or HTML."""
