"""``./brain demo``: a synthetic city from its files to a release, or its meter readings as a live stream."""
