"""Sources of raw rows in the release's form, one module per source; see `protocol`."""
