"""The forms of files that several packages read or write, and where the files lie."""
