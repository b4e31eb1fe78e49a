"""Steps that several jobs of this area share."""
