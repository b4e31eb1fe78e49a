"""Policy as data: the interface that the rules of every area share."""
