"""Servers for a machine that has none: a local Kafka broker and a local PostgreSQL server."""
