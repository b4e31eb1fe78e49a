"""Suite 荣誉资质: each award belongs to one firm."""

from __future__ import annotations

from expectations.checks.one_firm import one_firm

SUITE = one_firm("raw.gov_honour", "event_id")
