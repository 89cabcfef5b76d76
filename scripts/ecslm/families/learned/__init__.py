"""What the backend `learned` learns: a module for each kind of answer, and `nearest` for all."""
