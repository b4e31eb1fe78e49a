"""Command line, services, queries, enterprise sheet and demo: how people and programs use the platform."""
