"""Suite 工业企业: identity, industry, district, and completeness against the directory."""

from __future__ import annotations

from collections.abc import Iterator

from expectations.checks.towns import town_checks
from expectations.gate.suite import Check, Suite

#: Fewer than 1 % of firms move to another district in a year; the code list of former districts maps districts that
#: were redrawn. If 3 % move, lines or columns were mixed up.
_MOVED = (("", 1), ("_wide", 3))

#: Two or three firms in a hundred change their name in a year, and the registry may learn of it a year later.
_RENAMED = (("", 5), ("_wide", 20))

#: Firms seldom move to another town, but a division of towns moves all firms of one.
_TOWN_MOVED = (("", 3), ("_wide", 20))

#: One row per year: firms known from the year before, and how many differ from that year or from the registry.
_SUMMARY = """
    SELECT n.year, count(b.uscc) AS known, count(*) FILTER (n.district_code <> b.district_code) AS moved,
        count(*) FILTER (n.enterprise_name <> b.enterprise_name) AS renamed,
        count(n.town_code) FILTER (b.town_code IS NOT NULL) AS placed,
        count(*) FILTER (n.town_code <> b.town_code) AS town_moved,
        count(*) FILTER (n.is_in_registry) AS registered,
        count(*) FILTER (list_contains(n.identity_flags, 'name_differs')) AS differing
    FROM {table} n LEFT JOIN {table} b
        ON b.uscc = n.uscc AND CAST(b.year AS INTEGER) + 1 = CAST(n.year AS INTEGER) GROUP BY n.year"""


def _few(
    id_: str, zh: str, en: str, bounds: tuple[tuple[str, int], ...], counted: str, of: str
) -> Iterator[Check]:
    for suffix, percent in bounds:
        yield Check(
            f"{id_}{suffix}",
            f"{zh}不超过{percent}%",
            f"At most five firms plus {percent} % of a year {en}",
            f"SELECT year, {of}, {counted} FROM {{summary}} WHERE {counted} > 5 + {percent / 100} * {of}",
            level="fail" if suffix else "warn",
        )


SUITE = Suite(
    "core.enterprise",
    (
        Check(
            "uscc_flag",
            "信用代码校验标志正确",
            "The flag for valid credit codes is right (GB 32100-2015)",
            "SELECT uscc, year FROM {table} WHERE is_uscc_valid IS DISTINCT FROM uscc_is_valid(uscc)",
        ),
        Check(
            "uscc_invalid_share",
            "无效信用代码不超过0.5%",
            "At most five firms plus 0.5 % of a year have an invalid credit code",
            """SELECT uscc, year FROM {table} WHERE NOT is_uscc_valid AND year IN (
                SELECT year FROM {table} GROUP BY year
                HAVING count(*) FILTER (NOT is_uscc_valid) > 5 + 0.005 * count(*))""",
        ),
        Check(
            "industry_scope",
            "行业在06–46大类内",
            "The division is industry, 06 to 46 (GB/T 4754-2017)",
            "SELECT uscc, year, industry_division_code FROM {table} "
            "WHERE industry_division_code NOT BETWEEN '06' AND '46'",
        ),
        Check(
            "industry_division",
            "行业大类为小类前两位",
            "The division is the first two digits of the class",
            "SELECT uscc, year, industry_code, industry_division_code FROM {table} "
            "WHERE industry_code IS NOT NULL "
            "AND industry_division_code IS DISTINCT FROM left(industry_code, 2)",
        ),
        Check(
            "industry_class",
            "行业小类在代码表内或已标记",
            "The industry class is known (GB/T 4754-2017), or the firm is flagged",
            "SELECT uscc, year, industry_code FROM {table} WHERE len(identity_flags) = 0 AND "
            "industry_code IS NOT NULL AND industry_code NOT IN (SELECT code FROM codes.industry_class)",
        ),
        Check(
            "district_mapped",
            "区县仅因撤并而与报送不同",
            "The district is the one reported, unless that one was abolished or the firm is flagged",
            "SELECT uscc, year, reported_district_code, district_code FROM {table} "
            "WHERE len(identity_flags) = 0 AND district_code <> reported_district_code "
            "AND reported_district_code NOT IN (SELECT code FROM codes.former_district)",
        ),
        Check(
            "directory_rows",
            "名录企业均在册且规上标志一致",
            "Every accepted record of the directory has its firm, above scale as the directory says",
            """SELECT r.uscc, r.period AS year FROM raw.gov_statistics_directory r
            JOIN feeds.current_delivery d USING (delivery_id, mapping_hash)
            LEFT JOIN {table} e ON e.uscc = r.uscc AND e.year = r.period
            WHERE e.uscc IS NULL OR e.is_above_scale <> r.is_above_scale""",
        ),
        Check(
            "directory_count",
            "企业数与名录记录数相符",
            "The number of firms matches the year's directory: none lost, none added",
            """SELECT year, d.records_raw, d.records_in, coalesce(f.firms, 0) AS firms
            FROM (SELECT period AS year, sum(records_raw) AS records_raw, sum(records_in) AS records_in
                FROM feeds.current_delivery WHERE feed = 'gov_statistics_directory' GROUP BY period) d
            LEFT JOIN (SELECT year, count(*) AS firms FROM {table} GROUP BY year) f USING (year)
            WHERE coalesce(f.firms, 0) NOT BETWEEN d.records_raw AND d.records_in""",
        ),
        Check(
            "quarantined_stay",
            "名录记录被隔离的企业仍在册",
            "A firm whose directory record is quarantined is still in the table",
            """SELECT q.uscc, q.period AS year FROM quarantine.record q
            JOIN feeds.current_delivery d USING (delivery_id, mapping_hash)
            LEFT JOIN {table} e ON e.uscc = q.uscc AND e.year = q.period
            WHERE q.feed = 'gov_statistics_directory' AND length(q.uscc) = 18 AND e.uscc IS NULL""",
        ),
        Check(
            "in_registry_share",
            "至少95%的企业可在登记库查到",
            "At least 95 % of a year's firms are known to the business registry",
            "SELECT year FROM {table} GROUP BY year "
            "HAVING count(*) FILTER (NOT is_in_registry) > 5 + 0.05 * count(*)",
            level="warn",
        ),
        *_few(
            "moved",
            "迁往其他区县的企业",
            "are in another district than the year before",
            _MOVED,
            "moved",
            "known",
        ),
        *_few(
            "town_moved",
            "迁往其他镇街的企业",
            "are in another town than the year before",
            _TOWN_MOVED,
            "town_moved",
            "placed",
        ),
        *town_checks("uscc", "企业", "firms"),
        *_few("renamed", "更名企业", "have another name than the year before", _RENAMED, "renamed", "known"),
        *_few(
            "name_of_registry",
            "名称与登记不符的企业",
            "have another name in the registry",
            _RENAMED,
            "differing",
            "registered",
        ),
    ),
    summary=_SUMMARY,
    shrinks="fail",
)
