"""Column expressions that every area uses."""
