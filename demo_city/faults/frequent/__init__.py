"""Faults as frequent as in real feeds (常见差错), beside the planted ones."""
