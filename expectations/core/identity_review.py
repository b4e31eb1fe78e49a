"""Suite 身份待核: claimants and reasons; a person has to decide."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "core.identity_review",
    (
        Check(
            "claimants_named",
            "待核标识有两个以上主张方",
            "At least two firms claim the identifier; in a circle of successions, one",
            """SELECT identifier_kind_code, identifier, year FROM {table} WHERE len(claimants) <
            CASE review_reason_code WHEN 'cycle' THEN 1 ELSE 2 END""",
        ),
        Check(
            "in_dispute",
            "待核标识在标识表中均列争议",
            "Every identifier under review is in dispute in core.enterprise_identifier",
            """SELECT t.identifier_kind_code, t.identifier, t.year FROM {table} t
            LEFT JOIN core.enterprise_identifier i ON i.identifier_kind_code = t.identifier_kind_code
                AND i.identifier = t.identifier AND i.year = t.year AND i.is_disputed
            WHERE i.identifier IS NULL""",
        ),
        Check(
            "reason_of_kind",
            "待核原因与标识类型相符",
            "The reason fits the kind of identifier",
            """SELECT identifier_kind_code, identifier, year, review_reason_code FROM {table}
            WHERE review_reason_code NOT IN (SELECT unnest(CASE
                WHEN identifier_kind_code IN ('registration_number', 'organisation_code') THEN ['two_claimants']
                WHEN identifier_kind_code IN ('meter_account', 'certificate') THEN ['overlapping_use']
                ELSE ['two_successors', 'cycle'] END))""",
        ),
        Check(
            "few_open",
            "待核标识不超过标识总数的0.5%",
            "At most twenty identifiers plus 0.5 % of all are in dispute",
            """SELECT year FROM {table} GROUP BY year HAVING count(*) > 20 + 0.005 *
            (SELECT count(*) FROM core.enterprise_identifier)""",
            level="warn",
        ),
    ),
    may_be_empty=True,
    shrinks="fail",
)
