"""The jobs of a study: what each makes, from what, with which parameters."""
