"""Ingestion paths: landing folder, a sender's database, a stream."""
