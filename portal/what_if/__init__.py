"""What-if 测算: other rules of the per-mu evaluation on a release's frozen inputs, and what they would move."""
