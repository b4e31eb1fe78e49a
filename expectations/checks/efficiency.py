"""Bounds and aims of low efficiency, as suites read them of the rules."""

from __future__ import annotations

EFFICIENCY = {
    "efficiency": {
        "tax_share": "DOUBLE",
        "land_from_mu": "DOUBLE",
        "least_persons_per_mu": "DOUBLE",
        "aim_per_year": "INTEGER",
        "aim_mu": "INTEGER",
    }
}
