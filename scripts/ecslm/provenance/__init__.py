"""What results were made from, what has changed since, and whether they may be trusted."""
