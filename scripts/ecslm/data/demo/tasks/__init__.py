"""How the samples of each task are made, one module a family of tasks."""
