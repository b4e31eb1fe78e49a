"""What land can carry, as suites read it of the rules: ``rules.land_limit`` and the rule sets that ask for it."""

from __future__ import annotations

#: Columns and types of the two tables; every suite that reads one declares all its columns.
LAND_LIMIT = {
    "land_limit": {
        "division": "VARCHAR",
        "m2_per_person": "DOUBLE",
        "value_added_per_mu": "DOUBLE",
        "tax_per_mu": "DOUBLE",
    },
    "judged_land": {"rule_set_id": "VARCHAR"},
}
