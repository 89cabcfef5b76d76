"""Models whose server a job starts."""
