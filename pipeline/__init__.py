"""The pipeline: finds stale tables, builds, checks and publishes them."""
