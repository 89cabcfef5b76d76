"""Tables: data first (`model`), built by one module per kind, then rendered as LaTeX or HTML."""
