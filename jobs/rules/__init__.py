"""Policy as data: what the rules of every area have in common."""
