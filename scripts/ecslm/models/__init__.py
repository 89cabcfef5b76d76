"""Language models: base weights, adapters, precision, prompts, batches, cost."""
