"""Long-running services of a home, and runs of its DAGs."""
