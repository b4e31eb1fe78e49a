"""Queries of people and programs, one module for each question. None depends on a terminal or a page."""
