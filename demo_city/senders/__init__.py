"""The senders: the deliveries of the synthetic city's offices and firms."""
