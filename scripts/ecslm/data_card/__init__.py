"""What the records of a study are: checks, overlap of tests with training, counts and lengths."""
