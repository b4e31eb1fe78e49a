"""The gate: suites, the snapshot they judge, and the verdict."""
