"""Industrial chains 产业链: their nodes, the enterprises in each node, the flows between nodes, and the gaps."""
