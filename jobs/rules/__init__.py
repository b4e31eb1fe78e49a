"""Policy as data: how rule files are read."""
