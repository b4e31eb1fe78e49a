"""Suite 企业授权效力: days in order, no two validities at once, each resting on a record."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "core.consent",
    (
        Check(
            "validity_positive",
            "授权效力至少一天",
            "A consent holds for at least one day",
            "SELECT uscc, year, consent_purpose_code FROM {table} WHERE consent_end_date <= consent_from_date",
        ),
        Check(
            "no_overlap",
            "同一企业、年度、用途的授权效力不重叠",
            "An enterprise has one consent at a time for a year's statistics and a purpose, and a gap before the next",
            """SELECT uscc, year, consent_purpose_code FROM {table}
            QUALIFY consent_from_date <= max(coalesce(consent_end_date, DATE '9999-12-31')) OVER (
                PARTITION BY uscc, year, consent_purpose_code ORDER BY consent_from_date
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)""",
        ),
        Check(
            "firm_in_directory",
            "授权企业在当年名录内",
            "The enterprise is in the year's directory",
            """SELECT t.uscc, t.year FROM {table} t ANTI JOIN core.enterprise e
            ON e.uscc = t.uscc AND e.year = t.year""",
        ),
        Check(
            "rests_on_consent",
            "授权效力以授权书或一企一单为依据",
            "A consent rests on an authorisation or a confirmed sheet",
            """SELECT uscc, year, consent_purpose_code FROM {table}
            WHERE len(consent_kinds) = 0 OR list_contains(consent_kinds, 'withdrawal')""",
        ),
        Check(
            "withdrawn_ends",
            "撤回的授权有失效日",
            "A withdrawn consent has an end",
            """SELECT uscc, year, consent_purpose_code FROM {table}
            WHERE is_consent_withdrawn AND consent_end_date IS NULL""",
        ),
    ),
    may_be_empty=True,
)
