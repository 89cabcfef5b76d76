"""Language models: weights, adapters, precision, prompts, batches, cost."""
