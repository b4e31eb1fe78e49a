"""Suite 企业标识: formats, one enterprise per identifier, and a review of every dispute."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_LASTING = "identifier_kind_code IN ('registration_number', 'organisation_code')"

SUITE = Suite(
    "core.enterprise_identifier",
    (
        Check(
            "form_of_kind",
            "标识格式与类型相符",
            "An identifier has the format of its kind",
            """SELECT identifier_kind_code, identifier, uscc, year FROM {table}
            WHERE NOT CASE identifier_kind_code
                WHEN 'registration_number' THEN regexp_full_match(identifier, '[0-9]{15}')
                WHEN 'organisation_code' THEN regexp_full_match(identifier, '[0-9A-Z]{8}[0-9X]')
                WHEN 'meter_account' THEN regexp_full_match(identifier, '33[0-9]{8}')
                WHEN 'certificate' THEN length(identifier) > 0
                ELSE uscc_is_valid(identifier) END""",
        ),
        Check(
            "one_enterprise",
            "未列争议的代码只属一家企业",
            "A registration number or organisation code that is not in dispute belongs to one enterprise",
            f"""SELECT identifier_kind_code, identifier FROM {{table}} WHERE NOT is_disputed AND {_LASTING}
            GROUP BY ALL HAVING count(DISTINCT uscc) > 1""",
        ),
        Check(
            "disputes_reviewed",
            "争议标识均在待核清单且主张方齐全",
            "Every identifier in dispute is under review with all claimants",
            """SELECT t.identifier_kind_code, t.identifier, t.uscc, t.year FROM {table} t
            LEFT JOIN core.identity_review r USING (identifier_kind_code, identifier, year)
            WHERE t.is_disputed AND NOT coalesce(list_contains(r.claimants, t.uscc), false)""",
        ),
        Check(
            "clear_or_disputed",
            "同年标识不能既有争议又无争议",
            "In one year an identifier is either in dispute or not",
            """SELECT identifier_kind_code, identifier, year FROM {table} GROUP BY ALL
            HAVING bool_or(is_disputed) AND bool_or(NOT is_disputed)
                AND identifier_kind_code NOT IN ('former_uscc', 'branch_code')""",
        ),
        Check(
            "dates_ordered",
            "截止日不早于起始日",
            "An identifier does not end before it begins",
            "SELECT identifier_kind_code, identifier, uscc, year FROM {table} WHERE valid_to_date < valid_from_date",
        ),
        Check(
            "firms_covered",
            "名录企业均有组织机构代码",
            "Every firm of the directory with a valid credit code can be found by its organisation code",
            """SELECT e.uscc, min(e.year) AS year FROM core.enterprise e
            LEFT JOIN {table} t ON t.uscc = e.uscc AND t.identifier_kind_code = 'organisation_code'
                AND t.identifier = substring(e.uscc, 9, 9) AND t.year <= e.year
            WHERE e.is_uscc_valid AND t.uscc IS NULL GROUP BY e.uscc""",
        ),
        Check(
            "source_known",
            "来源数据源有效",
            "The source is a feed of the platform",
            "SELECT DISTINCT source_feed FROM {table} WHERE source_feed NOT IN (SELECT feed FROM feeds.feed)",
        ),
    ),
    shrinks="fail",
)
