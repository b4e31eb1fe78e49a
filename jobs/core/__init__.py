"""Core tables: enterprises and their identities, parcels and their uses, figures by year and month."""
