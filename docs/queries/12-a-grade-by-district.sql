-- 各区县A类与D类企业占参评企业的比重
-- Share of A and D among graded firms, by district
SELECT d.zh AS district, s.year, round(100.0 * sum(grade_a_count) / sum(graded_count), 1) AS a_pct,
    round(100.0 * sum(grade_d_count) / sum(graded_count), 1) AS d_pct
FROM per_mu.district_summary s JOIN release.code d ON d.list = 'district' AND d.code = s.district_code
GROUP BY ALL HAVING sum(graded_count) > 0 ORDER BY s.year, d.zh;
