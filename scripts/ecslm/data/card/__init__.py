"""Description of a study's records: counts, lengths, overlap of tests with training."""
