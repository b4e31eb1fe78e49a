"""Suites of the area resource."""
