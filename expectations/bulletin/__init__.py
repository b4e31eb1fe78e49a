"""Suites of the bulletin 公报."""
