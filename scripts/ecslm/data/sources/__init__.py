"""Sources of raw rows in the release's form, one module a source; see `protocol`."""
