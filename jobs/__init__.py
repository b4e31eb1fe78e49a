"""One module per table: the job that computes it."""
