"""Long-running services of a home."""
