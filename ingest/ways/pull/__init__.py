"""A pull of one feed: the plan of its table, reading, watermarks, comparison with ingested rows, and deliveries."""
