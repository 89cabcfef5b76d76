"""Results for use elsewhere: scores as tidy rows, and tuned models as folders of their own."""
