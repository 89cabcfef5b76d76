"""What the records of a study are: counts, lengths, overlap of tests with training."""
