"""What every package uses: errors, files, hashes, versions, manifests, locks, logs."""
