"""Prediction: batching prompts, generating answers, writing predictions files."""
