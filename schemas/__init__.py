"""What each table is: contracts, field dictionary, code lists."""
