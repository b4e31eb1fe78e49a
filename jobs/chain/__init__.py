"""Industrial chains 产业链: their nodes, the enterprises on them, what flows between them, and where they are thin."""
