"""Predictions: planning batches, generating, writing the predictions files."""
