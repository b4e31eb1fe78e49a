"""Deliveries from the landing folder into raw tables."""
