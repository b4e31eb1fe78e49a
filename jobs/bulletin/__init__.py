"""公报 Bulletin: what a visitor without an account may see; lists by name, and fixed sums in which no firm shows."""
