"""QLoRA training of adapters: settings, batches, loss, Trainer."""
