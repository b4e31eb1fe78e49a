"""What suites of consequences share: rules, and grades in force of complete years."""

from __future__ import annotations

STEPS = {
    "consequence_step": {
        "consequence_rule_id": "VARCHAR",
        "grade": "VARCHAR",
        "from_years": "INTEGER",
        "rate": "DOUBLE",
        "valid_to": "VARCHAR",
    }
}

#: The last version of each grade that rests on a complete year.
IN_FORCE = """(SELECT * FROM per_mu.enterprise_grade WHERE figures_as_of = year
    QUALIFY evaluation_version = max(evaluation_version) OVER (PARTITION BY uscc, year))"""
