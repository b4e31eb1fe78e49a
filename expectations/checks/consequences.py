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

#: The grades that stand: of the last version that a district published, else those computed for a complete year.
IN_FORCE = """(SELECT uscc, year, evaluation_version, final_grade FROM per_mu.publication WHERE is_in_force
    UNION ALL SELECT uscc, year, 1, final_grade FROM per_mu.enterprise_grade g WHERE figures_as_of = year
        AND NOT EXISTS (FROM per_mu.publication p WHERE p.district_code = g.district_code AND p.year = g.year))"""
