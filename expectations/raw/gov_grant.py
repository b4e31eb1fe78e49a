"""Suite 政策兑现: each payment belongs to one firm."""

from __future__ import annotations

from expectations.checks.one_firm import one_firm

SUITE = one_firm("raw.gov_grant", "grant_code")
