"""Faults planted in the synthetic city's deliveries."""
