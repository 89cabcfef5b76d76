"""Tables: data first (`model`), built by one module a kind, then rendered as LaTeX or HTML."""
