-- 由累计数推算单月产值：哪些企业本月降幅最大？
-- Single months from cumulative figures: which firms' output fell most this month?
SELECT m.month, m.uscc, e.enterprise_name, m.output_month_wan_yuan,
    lag(m.output_month_wan_yuan) OVER (PARTITION BY m.uscc ORDER BY m.month) AS month_before
FROM core.enterprise_month m JOIN core.enterprise e ON e.uscc = m.uscc AND e.year = m.year
WHERE m.months_covered = 1
QUALIFY m.month = max(m.month) OVER () AND month_before > 0
ORDER BY m.output_month_wan_yuan / month_before, m.uscc LIMIT 20;
