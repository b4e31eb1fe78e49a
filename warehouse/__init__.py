"""Storage and engines: settings, engines behind Spark Connect, Delta tables, releases."""
