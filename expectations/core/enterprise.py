"""Suite 工业企业: identity, industry, district, and that the directory is there in full."""

from __future__ import annotations

from expectations.suite import Check, Suite

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
            "At most five firms and 0.5 % of a year have an invalid credit code",
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
            "Every accepted record of the directory is here, above scale as the directory says",
            """SELECT r.uscc, r.period AS year FROM raw.gov_statistics_directory r
            JOIN feeds.current_delivery d USING (delivery_id, mapping_hash)
            LEFT JOIN {table} e ON e.uscc = r.uscc AND e.year = r.period
            WHERE e.uscc IS NULL OR e.is_above_scale <> r.is_above_scale""",
        ),
        Check(
            "directory_count",
            "企业数与名录记录数相符",
            "As many firms as the year's directory has: none lost, none invented",
            """SELECT year, d.records_raw, d.records_in, coalesce(f.firms, 0) AS firms
            FROM (SELECT period AS year, sum(records_raw) AS records_raw, sum(records_in) AS records_in
                FROM feeds.current_delivery WHERE feed = 'gov_statistics_directory' GROUP BY period) d
            LEFT JOIN (SELECT year, count(*) AS firms FROM {table} GROUP BY year) f USING (year)
            WHERE coalesce(f.firms, 0) NOT BETWEEN d.records_raw AND d.records_in""",
        ),
        Check(
            "quarantined_stay",
            "名录记录被隔离的企业仍在册",
            "A firm whose directory record is quarantined is still here",
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
    ),
)
