"""The pipeline: which tables are stale, how they are made, judged and published."""
