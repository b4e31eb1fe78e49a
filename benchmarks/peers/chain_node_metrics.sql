-- Sums, growth, concentration, local supply and dependence by node.
WITH placed_firms AS (
    SELECT *, output / nullif(sum(output) OVER w, 0) AS part,
        row_number() OVER (PARTITION BY node_code, period ORDER BY output DESC NULLS LAST, uscc) AS firm_rank
    FROM placed WINDOW w AS (PARTITION BY node_code, period)),
sums AS (
    SELECT node_code, any_value(chain_code) AS chain_code, period, count(*) AS firms,
        count(output) AS reporting, sum(output) AS output, sum(added) AS added, sum(revenue) AS revenue,
        sum(profit) AS profit, sum(rd) AS rd, sum(export) AS export, sum(energy) AS energy,
        100 * (sum(output) FILTER (output_before > 0)
            / nullif(sum(output_before) FILTER (output IS NOT NULL), 0) - 1) AS growth_pct,
        100 * max(part) AS cr1, 100 * sum(part) FILTER (firm_rank <= 5) AS cr5, 10000 * sum(part * part) AS hhi,
        arg_min(uscc, firm_rank) AS lead, count(*) FILTER (final_grade = 'A') AS a,
        count(*) FILTER (final_grade = 'B') AS b, count(*) FILTER (final_grade = 'C') AS c,
        count(*) FILTER (final_grade = 'D') AS d
    FROM placed_firms GROUP BY node_code, period),
bought AS (
    SELECT seller_node AS node_code, sum(local) AS local, sum(outside) AS outside FROM chain_supply_flow
    WHERE is_local GROUP BY ALL),
buying AS (
    SELECT buyer_node AS node_code, sum(local) + sum(outside) AS purchases, sum(outside) AS purchases_outside
    FROM chain_supply_flow WHERE is_local GROUP BY ALL)
SELECT *, 100 * local / nullif(local + outside, 0) AS local_supply_pct,
    100 * purchases_outside / nullif(purchases, 0) AS dependence_pct,
    purchases / nullif(revenue - added, 0) AS coverage
FROM sums LEFT JOIN bought USING (node_code) LEFT JOIN buying USING (node_code)
