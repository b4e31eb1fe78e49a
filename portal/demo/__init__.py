"""``./brain demo``: a synthetic city from its files to a release."""
