"""The senders: what each office and firm of the synthetic city delivers."""
