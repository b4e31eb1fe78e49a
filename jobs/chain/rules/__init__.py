"""Policy of this area as data, and what transforms are handed of it."""
