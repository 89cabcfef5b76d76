"""The study to run: its models, seeds and tasks, and the parameters and needs of its jobs."""
