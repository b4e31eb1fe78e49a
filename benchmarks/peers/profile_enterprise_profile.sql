-- The wide join: figures, growth, grades, honours and cases as of the day, main nodes, months, completeness.
WITH figures AS (
    SELECT uscc, year, $figures, $tax_total AS tax_total_wan_yuan, known_at AS figures_known_at
    FROM core.enterprise_year WHERE year IN (
        SELECT unnest([figures_year, before, third]) FROM asked)),
earlier AS (
    SELECT uscc, a.period,
        $before,
        $third,
        max(profit_wan_yuan) FILTER (f.year = a.before) AS profit_before_wan_yuan
    FROM figures f JOIN asked a ON f.year IN (a.before, a.third) GROUP BY ALL),
graded AS (
    SELECT uscc, a.period, list(g.year || '=' || final_grade ORDER BY g.year) AS grade_history,
        max(final_grade) FILTER (g.year = figures_year) AS final_grade,
        max(total_score) FILTER (g.year = figures_year) AS total_score,
        max(rank_in_list) FILTER (g.year = figures_year) AS rank_in_list,
        max(list_size) FILTER (g.year = figures_year) AS list_size
    FROM per_mu.enterprise_grade g JOIN asked a ON g.year <= figures_year AND g.year::INT > figures_year::INT - 5
    GROUP BY ALL),
valued AS (
    SELECT uscc, year, max(value) FILTER (indicator_code = 'I1') AS tax_per_mu_wan_yuan,
        max(value) FILTER (indicator_code = 'I2') AS value_added_per_mu_wan_yuan
    FROM per_mu.indicator_value WHERE indicator_code IN ('I1', 'I2') AND year IN (SELECT figures_year FROM asked)
    GROUP BY ALL),
events AS (
    SELECT e.*, a.period, a.day, coalesce(valid_until_date >= a.day, true) AS is_valid,
        event_date > a.day - INTERVAL 36 MONTH AS is_recent
    FROM core.enterprise_event e JOIN asked a ON e.year <= a.year AND event_date <= a.day
    QUALIFY row_number() OVER (PARTITION BY event_id, a.period ORDER BY e.year DESC) = 1),
happened AS (
    SELECT uscc, period, $honours,
        count(*) FILTER (event_kind_code = 'honour' AND is_valid) AS honour_count,
        bool_or(event_code = 'listed' AND is_valid) AS is_listed,
        count(*) FILTER (event_kind_code = 'penalty' AND is_recent) AS penalty_count,
        count(*) FILTER (event_kind_code = 'accident' AND is_recent) AS accident_count,
        count(*) FILTER (event_kind_code = 'credit' AND is_valid) AS open_listing_count,
        list(DISTINCT event_code) FILTER (event_kind_code IN ('penalty', 'accident') AND is_recent) AS case_codes,
        list(DISTINCT event_code) FILTER (event_kind_code = 'credit' AND is_valid) AS open_listing_codes
    FROM events GROUP BY ALL),
nodes AS (
    SELECT n.uscc, n.year, chain_code AS main_chain_code, node_code AS main_node_code,
        position_share AS main_node_share, confidence AS main_node_confidence,
        count(*) OVER (PARTITION BY n.uscc, n.year) AS node_count,
        position_share * CAST(f.output_wan_yuan AS DOUBLE) AS node_output_wan_yuan,
        sum(position_share * CAST(f.output_wan_yuan AS DOUBLE)) FILTER (is_confirmed)
            OVER (PARTITION BY node_code, n.year) AS of_node,
        row_number() OVER (PARTITION BY n.uscc, n.year
            ORDER BY position_share DESC, confidence DESC NULLS LAST, node_code) AS node_rank
    FROM chain.node_enterprise n LEFT JOIN figures f USING (uscc, year)
    WHERE chain_code <> 'OUT' AND position_share > 0 AND n.year IN (SELECT figures_year FROM asked)),
months AS (
    SELECT m.*, a.period, max(month) OVER (PARTITION BY uscc, a.period)[6:]::INT - month[6:]::INT AS back
    FROM core.enterprise_month m JOIN asked a ON m.year = a.year AND month <= a.last_month),
reported AS (
    SELECT uscc, period,
        $of_month,
        count(new_orders_wan_yuan) AS report_month_count,
        sum(new_orders_wan_yuan) FILTER (back < 3) AS orders_now,
        sum(new_orders_wan_yuan) FILTER (back BETWEEN 3 AND 5) AS orders_before
    FROM months GROUP BY ALL),
wide AS (
    SELECT e.* EXCLUDE (year, row_id), a.*, f.* EXCLUDE (uscc, year), b.* EXCLUDE (uscc, period), p.list_code,
        p.eval_status_code, g.* EXCLUDE (uscc, period), v.* EXCLUDE (uscc, year),
        c.percentile_pct AS city_percentile_pct, h.* EXCLUDE (uscc, period), n.* EXCLUDE (uscc, year, node_rank),
        r.* EXCLUDE (uscc, period), date_diff('month', registered_date, a.day) // 12 AS age_years,
        coalesce(employees_average, insured_count) AS size_staff_count,
        coalesce(revenue_wan_yuan, declared_revenue_wan_yuan) AS size_revenue_wan_yuan
    FROM core.enterprise e JOIN asked a USING (year)
    LEFT JOIN figures f ON f.uscc = e.uscc AND f.year = a.figures_year
    LEFT JOIN earlier b ON b.uscc = e.uscc AND b.period = a.period
    LEFT JOIN per_mu.population p ON p.uscc = e.uscc AND p.year = a.figures_year
    LEFT JOIN graded g ON g.uscc = e.uscc AND g.period = a.period
    LEFT JOIN valued v ON v.uscc = e.uscc AND v.year = a.figures_year
    LEFT JOIN per_mu.city_rank c ON c.uscc = e.uscc AND c.year = a.figures_year
    LEFT JOIN happened h ON h.uscc = e.uscc AND h.period = a.period
    LEFT JOIN (FROM nodes WHERE node_rank = 1) n ON n.uscc = e.uscc AND n.year = a.figures_year
    LEFT JOIN reported r ON r.uscc = e.uscc AND r.period = a.period),
grown AS (
    SELECT *, $growth, $ratios,
        coalesce(output_growth_pct, declared_revenue_growth_pct) AS growth FROM wide)
SELECT *, $completeness,
    CASE WHEN size_staff_count < 20 OR size_revenue_wan_yuan < 300 THEN 'micro'
        WHEN size_staff_count >= 1000 AND size_revenue_wan_yuan >= 40000 THEN 'large'
        WHEN size_staff_count >= 300 AND size_revenue_wan_yuan >= 2000 THEN 'medium'
        WHEN size_staff_count + size_revenue_wan_yuan IS NOT NULL THEN 'small' END AS size_class_code,
    CASE WHEN growth >= 5 THEN 'rising' WHEN growth <= -5 THEN 'falling' WHEN growth IS NOT NULL THEN 'steady' END
        AS trend_code,
    100 * (list_size - rank_in_list + 1) / list_size AS list_percentile_pct,
    md5(uscc || period) AS row_id
FROM grown
