"""Raw output to parsed answer: one module an answer type, loaded by name."""
