"""Ingestion: deliveries from files, databases and streams into raw tables and the quarantine."""
