"""The ways in: landing folder, a sender's database, a stream."""
