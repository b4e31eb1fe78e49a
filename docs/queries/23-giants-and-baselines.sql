-- 哪些基准值因龙头企业而变？含与不含龙头各是多少？
-- Which baselines do giants move: with and without them?
SELECT b.year, d.zh AS district, l.zh AS list, b.indicator_code, b.value AS in_force, b.value_with_giants,
    b.value_without_giants, round(b.value_with_giants / b.value_without_giants, 2) AS times, t.zh AS treatment,
    (SELECT string_agg(e.enterprise_name, '；' ORDER BY e.uscc) FROM core.enterprise e
        WHERE e.year = b.year AND list_contains(b.giants, e.uscc)) AS giants
FROM per_mu.baseline b JOIN release.code d ON d.list = 'district' AND d.code = b.district_code
JOIN release.code l ON l.list = 'per_mu_list' AND l.code = b.list_code
JOIN release.code t ON t.list = 'giant_treatment' AND t.code = b.giant_treatment_code
WHERE b.giant_count > 0 ORDER BY times DESC, b.year, b.district_code, b.list_code, b.indicator_code;
