-- Ranks and grades of the units by their stored scores.
WITH totals AS (
    SELECT g.uscc, g.year, g.district_code, g.list_code, sum(v.score) AS total,
        max(v.value) FILTER (v.indicator_code = 'I1') AS tax_per_mu
    FROM per_mu.enterprise_grade g JOIN per_mu.indicator_value v ON v.uscc = g.uscc AND v.year = g.year
    GROUP BY ALL),
ranked AS (
    SELECT *, row_number() OVER w AS list_rank, count(*) OVER (PARTITION BY year, district_code, list_code) AS size
    FROM totals WINDOW w AS (PARTITION BY year, district_code, list_code
        ORDER BY total DESC, tax_per_mu DESC NULLS LAST, uscc))
SELECT uscc, year, list_rank, CASE WHEN list_rank <= floor(size * 0.2) THEN 'A' WHEN list_rank <= floor(size * 0.65)
    THEN 'B' WHEN list_rank > size - floor(size * 0.05) THEN 'D' ELSE 'C' END AS grade FROM ranked
