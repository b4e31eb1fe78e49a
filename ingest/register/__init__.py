"""The register: deliveries, corrections and decisions, and which deliveries are in force."""
