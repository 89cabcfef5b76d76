"""Records: from a source of raw rows to checked dataset files and their description."""
