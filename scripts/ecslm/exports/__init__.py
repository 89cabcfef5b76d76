"""What a user takes home: scores as tidy rows, and tuned models as folders of their own."""
