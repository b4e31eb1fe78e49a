"""Benchmarks: each beside a peer on the same data in the same run."""
