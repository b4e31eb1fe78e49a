"""Where tables live: settings, the Spark engine, Delta tables, releases."""
