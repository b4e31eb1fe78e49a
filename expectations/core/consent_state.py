"""Suite 统计数据授权状态: every enterprise has a state, which follows from its statistics and its consents."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

#: Column → purpose.
_PURPOSES = {
    "per_mu_consent_code": "per_mu_evaluation",
    "profile_consent_code": "enterprise_profile",
    "chain_consent_code": "chain_analysis",
}
_STATES = ", ".join(f"('{purpose}', {column})" for column, purpose in _PURPOSES.items())

SUITE = Suite(
    "core.consent_state",
    (
        Check(
            "same_firms",
            "企业与名录一致",
            "Exactly the enterprises of the directory",
            """SELECT coalesce(e.uscc, t.uscc) AS uscc, coalesce(e.year, t.year) AS year
            FROM {table} t FULL JOIN core.enterprise e ON e.uscc = t.uscc AND e.year = t.year
            WHERE t.uscc IS NULL OR e.uscc IS NULL OR e.district_code <> t.district_code""",
        ),
        Check(
            "statistics_need_consent",
            "有统计数据的企业须有授权状态",
            "Only an enterprise without statistics of the year needs no consent",
            """SELECT t.uscc, t.year FROM {table} t
            JOIN core.enterprise_year y ON y.uscc = t.uscc AND y.year = t.year
            WHERE t.is_in_statistics <> (coalesce(y.output_wan_yuan, y.value_added_wan_yuan, y.revenue_wan_yuan,
                y.employees_average) IS NOT NULL)
            OR t.is_in_statistics <> (t.per_mu_consent_code <> 'not_needed')
            OR t.is_in_statistics <> (t.profile_consent_code <> 'not_needed')
            OR t.is_in_statistics <> (t.chain_consent_code <> 'not_needed')""",
        ),
        Check(
            "state_of_consents",
            "授权状态与授权效力一致",
            "The state is that of the latest consent to the purpose",
            f"""WITH states AS (
                SELECT t.uscc, t.year, s.purpose, s.state FROM {{table}} t,
                    (VALUES {_STATES}) s(purpose, state) WHERE t.is_in_statistics),
            latest AS (
                SELECT uscc, year, consent_purpose_code AS purpose,
                    if(arg_max(is_consent_withdrawn, consent_from_date), 'withdrawn', 'given') AS state
                FROM core.consent GROUP BY ALL)
            SELECT s.uscc, s.year, s.purpose, s.state FROM states s LEFT JOIN latest l USING (uscc, year, purpose)
            WHERE s.state <> coalesce(l.state, 'not_given')""",
        ),
        Check(
            "consent_share",
            "各区县规上参评企业未授权的不超过10%",
            "At most five graded enterprises above scale plus 10 % of a district's lack consent to the evaluation",
            """SELECT t.year, t.district_code, count(*) AS graded,
                count(*) FILTER (t.per_mu_consent_code IN ('not_given', 'withdrawn')) AS without_consent
            FROM {table} t JOIN per_mu.population p ON p.uscc = t.uscc AND p.year = t.year
            WHERE p.eval_status_code = 'graded' AND p.list_code = 'above_scale'
            GROUP BY t.year, t.district_code HAVING without_consent > 5 + 0.1 * graded""",
            level="warn",
        ),
    ),
)
