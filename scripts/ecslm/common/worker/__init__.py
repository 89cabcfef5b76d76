"""A process that outlives its job, so that the run loads once what takes long to load."""
