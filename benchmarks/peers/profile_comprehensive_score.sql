-- Percentiles among peers, dimensions, totals, ranks and change.
WITH firms AS (
    SELECT uscc, period, figures_year, district_code, industry_division_code, size_class_code, $values
    FROM (SELECT *, year AS period FROM profile.enterprise_profile
        UNION ALL BY NAME SELECT *, month AS period FROM profile.enterprise_profile_month)
    WHERE period IN (SELECT unnest([period, before]) FROM asked) AND $in_scope),
grouped AS (
    SELECT uscc, period, number, CASE level $peer_groups END AS peer_group
    FROM firms, (VALUES $levels) AS l(number, level)),
sizes AS (
    SELECT period, peer_group FROM grouped WHERE peer_group IS NOT NULL GROUP BY ALL
    HAVING count(*) >= $least_peers OR peer_group = 'city'),
own AS (
    SELECT uscc, period, arg_min(peer_group, number) AS own FROM grouped JOIN sizes USING (period, peer_group)
    GROUP BY ALL),
members AS (
    SELECT g.uscc, g.period, peer_group FROM grouped g
    SEMI JOIN (SELECT DISTINCT period, own AS peer_group FROM own) USING (period, peer_group)),
long AS (UNPIVOT (SELECT uscc, period, $indicators FROM firms) ON $indicators INTO NAME indicator VALUE value),
placed AS (
    SELECT uscc, period, peer_group, indicator, 100 * count(*) OVER upto / count(*) OVER everyone AS pct
    FROM long JOIN members USING (uscc, period)
    WINDOW upto AS (PARTITION BY period, peer_group, indicator ORDER BY value
            RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
        everyone AS (PARTITION BY period, peer_group, indicator)),
ranked AS (
    SELECT uscc, period, $percentiles FROM placed p JOIN own USING (uscc, period)
    WHERE p.peer_group = own GROUP BY ALL),
scored AS (SELECT f.uscc, f.period, f.figures_year, f.district_code, $dimensions
    FROM (SELECT uscc, period, figures_year, district_code FROM firms) f LEFT JOIN ranked r USING (uscc, period)),
totals AS (SELECT *, $total AS comprehensive_score FROM scored),
among AS (
    SELECT uscc, period, peer_group,
        rank() OVER (PARTITION BY period, peer_group ORDER BY comprehensive_score DESC) AS group_rank,
        count(*) OVER (PARTITION BY period, peer_group) AS firms
    FROM totals JOIN (FROM members UNION SELECT uscc, period, 'city' FROM firms) USING (uscc, period)
    WHERE comprehensive_score IS NOT NULL),
places AS (
    SELECT uscc, period, max(own) AS peer_group, max(group_rank) FILTER (peer_group = own) AS rank_in_peers,
        max(firms) FILTER (peer_group = own) AS peer_count, max(group_rank) FILTER (peer_group = 'city') AS rank_in_city
    FROM among JOIN own USING (uscc, period) GROUP BY ALL)
SELECT n.*, p.* EXCLUDE (uscc, period), $moved, n.comprehensive_score - b.comprehensive_score AS score_change,
    md5(n.uscc || n.period) AS row_id
FROM totals n JOIN asked a ON a.period = n.period LEFT JOIN totals b ON b.uscc = n.uscc AND b.period = a.before
LEFT JOIN places p ON p.uscc = n.uscc AND p.period = n.period
