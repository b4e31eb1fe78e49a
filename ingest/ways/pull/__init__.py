"""A pull of one feed: what is read of its table, how far, what of it is held, and what becomes a delivery."""
