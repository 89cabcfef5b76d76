"""Raw rows in the release's form, one module a source; each has `raw_rows` and `labels`."""
