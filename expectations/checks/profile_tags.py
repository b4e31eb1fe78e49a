"""Checks shared by tags of years and of months: known firms, evidence, agreement with the profile and each other."""

from __future__ import annotations

from expectations.gate.suite import Check

#: Tags that repeat one column of the profile.
_SAME = {
    "above_scale": "p.is_above_scale",
    "size_large": "p.size_class_code = 'large'",
    "size_micro": "p.size_class_code = 'micro'",
    "grade_a": "p.final_grade = 'A'",
    "grade_d": "p.final_grade = 'D'",
    "grade_d_three_years": "p.grade_d_years >= 3",
    "hightech_enterprise": "p.hightech_level_code IS NOT NULL",
    "listed": "p.is_listed",
    "dishonest": "list_contains(p.open_listing_codes, 'dishonest_debtor')",
    "abnormal_operation": "list_contains(p.open_listing_codes, 'abnormal_operation')",
    "fatal_accident": "list_contains(p.case_codes, 'safety_fatal')",
    "tax_evasion": "list_contains(p.case_codes, 'tax_evasion')",
    "high_risk": "p.risk_level_code = 'high'",
}
_NAMES = ", ".join(f"'{tag}'" for tag in _SAME)

#: Pairs of tags that exclude each other.
_APART = (
    ("fast_growth", "shrinking"), ("grade_a", "grade_d"), ("no_rd", "rd_intensive"), ("order_slump", "order_boom"),
    ("upgrade_candidate", "above_scale"), ("little_giant_national", "little_giant_provincial"),
)  # fmt: skip
_PAIRS = ", ".join(f"('{a}', '{b}')" for a, b in _APART)


def profiles_of(period: str) -> str:
    """The table of the profiles with this period."""
    return "profile.enterprise_profile" if period == "year" else f"profile.enterprise_profile_{period}"


def shares(period: str) -> str:
    """SQL: share of the firms above scale that have a tag, per period."""
    return f"""SELECT y.{period}, y.firms, c.code AS tag_code, coalesce(n.firms, 0) / y.firms AS share
    FROM (SELECT {period}, count(*) AS firms FROM {profiles_of(period)} WHERE is_above_scale GROUP BY ALL) y
    CROSS JOIN codes.tag c
    LEFT JOIN (SELECT {period}, tag_code, count(*) AS firms FROM {{table}} WHERE is_above_scale GROUP BY ALL) n
    ON n.{period} = y.{period} AND n.tag_code = c.code"""


def tag_checks(period: str) -> tuple[Check, ...]:
    """Checks of tags of years (``period`` is ``year``) or of months."""
    key, profile = f"t.uscc, t.tag_code, t.{period}", profiles_of(period)
    has = " UNION ALL ".join(
        f"SELECT p.uscc, p.{period}, '{tag}' AS tag_code FROM {profile} p WHERE {rule}"
        for tag, rule in _SAME.items()
    )
    return (
        Check(
            "firm_known",
            "标签企业均有画像",
            "Every tag belongs to a profile",
            f"""SELECT {key} FROM {{table}} t LEFT JOIN {profile} p ON p.uscc = t.uscc AND p.{period} = t.{period}
            WHERE p.uscc IS NULL OR p.district_code <> t.district_code OR p.is_above_scale <> t.is_above_scale""",
        ),
        Check(
            "one_kind",
            "同一标签类别唯一",
            "A tag is of one kind",
            "SELECT tag_code FROM {table} GROUP BY tag_code HAVING count(DISTINCT tag_kind_code) > 1",
        ),
        Check(
            "evidence_given",
            "标签均有依据",
            "Every tag has evidence, each as field=value",
            f"SELECT {key} FROM {{table}} t WHERE len(t.tag_evidence) = 0 "
            "OR NOT regexp_full_match(array_to_string(t.tag_evidence, ';'), '[a-z_0-9]+=[^;]+(;[a-z_0-9]+=[^;]+)*')",
        ),
        Check(
            "tags_of_profile",
            "标签与画像字段一致",
            "Tags that repeat a column of the profile agree with it",
            f"""SELECT coalesce(t.uscc, h.uscc) AS uscc, coalesce(t.tag_code, h.tag_code) AS tag_code,
                coalesce(t.{period}, h.{period}) AS {period}
            FROM (SELECT * FROM {{table}} WHERE tag_code IN ({_NAMES})) t
            FULL JOIN ({has}) h ON h.uscc = t.uscc AND h.{period} = t.{period} AND h.tag_code = t.tag_code
            WHERE t.uscc IS NULL OR h.uscc IS NULL""",
        ),
        Check(
            "one_size",
            "规模标签至多一个",
            "A firm has one size at most",
            f"""SELECT uscc, {period} FROM {{table}} WHERE starts_with(tag_code, 'size_')
            GROUP BY uscc, {period} HAVING count(*) > 1""",
        ),
        Check(
            "no_contradiction",
            "标签互不矛盾",
            "No firm has two tags that exclude each other",
            f"""SELECT a.uscc, a.{period}, a.tag_code, b.tag_code AS other FROM {{table}} a
            JOIN (VALUES {_PAIRS}) AS x(one, two) ON x.one = a.tag_code
            JOIN {{table}} b ON b.uscc = a.uscc AND b.{period} = a.{period} AND b.tag_code = x.two""",
        ),
        Check(
            "watch_share",
            "关注类标签企业占比不超过四成",
            "No tag that calls for attention is on more than 40 % of a period's firms above scale",
            f"""SELECT s.{period}, s.tag_code, round(100 * s.share, 1) AS share_pct FROM ({shares(period)}) s
            WHERE s.share > 0.4 AND s.firms >= 10 AND s.tag_code IN (
                SELECT tag_code FROM {{table}} WHERE tag_kind_code IN ('watch', 'credit'))""",
            level="warn",
        ),
        Check(
            "tags_per_firm",
            "户均标签数在1–15之间",
            "A period's firms above scale have one to fifteen tags on average",
            f"""SELECT {period}, count(*) / count(DISTINCT uscc) AS tags FROM {{table}} WHERE is_above_scale
            GROUP BY {period} HAVING count(*) NOT BETWEEN count(DISTINCT uscc) AND 15 * count(DISTINCT uscc)""",
        ),
    )
