"""Benchmarks, compared with a peer on the same data in the same run."""
