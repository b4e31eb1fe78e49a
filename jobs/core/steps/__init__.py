"""Steps that several tables of this area share."""
