"""Checks that suites of several tables share."""
