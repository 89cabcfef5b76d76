"""What results were built from, what has changed since, and whether they are intact."""
