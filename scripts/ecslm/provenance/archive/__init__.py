"""A study as one file to publish: code, configuration, results, and what proves them."""
