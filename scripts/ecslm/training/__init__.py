"""QLoRA training: settings, batches, loss, the Trainer, the adapter's files."""
