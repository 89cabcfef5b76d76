"""Ways to answer that are not free generation: one module per mode, loaded by name."""
