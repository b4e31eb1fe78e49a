"""The register: what was delivered, corrected and decided, and what counts."""
