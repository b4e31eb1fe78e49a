"""The synthetic city: its firms, land, chains and figures."""
