"""On what the platform runs when nobody provides it: a Kafka broker and a PostgreSQL server of our own."""
