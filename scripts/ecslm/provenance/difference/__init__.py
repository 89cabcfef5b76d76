"""Two results directories, cell by cell: what changed, by how much, and why."""
