"""Shared by all packages: errors, files, hashes, versions, manifests, locks, logs."""
