-- Shares of firms in nodes, by declared products and sales, otherwise by class.
WITH evidence AS (
    SELECT uscc, node_code, sum(weight) AS weight, sum(declared) AS declared, sum(sold) AS sold FROM (
        SELECT uscc, coalesce(c.node_code, 'OUT') AS node_code, coalesce(c.weight, 1) AS weight,
            NULL AS declared, NULL AS sold
        FROM core.enterprise LEFT JOIN class_of c USING (industry_code) WHERE year = $year
        UNION ALL SELECT uscc, coalesce(n.node_code, 'OUT'), NULL, revenue_share_pct, NULL
        FROM raw.ent_product LEFT JOIN product_of n USING (product_code) WHERE period = $year
        UNION ALL SELECT uscc, coalesce(n.node_code, 'OUT'), NULL, NULL, amount
        FROM chain_trade LEFT JOIN product_of n USING (product_code) WHERE side = 'sale' AND uscc <> 'OUT')
    GROUP BY ALL),
scored AS (
    SELECT *, coalesce(2 * declared / sum(declared) OVER firm, 0)
        + coalesce(sold / sum(sold) OVER firm, 0) AS data
    FROM evidence WINDOW firm AS (PARTITION BY uscc)),
mixed AS (
    SELECT *, CASE WHEN sum(data) OVER (PARTITION BY uscc) > 0 THEN data ELSE weight END AS mix FROM scored)
SELECT uscc, node_code, split_part(node_code, '-', 1) AS chain_code,
    mix / sum(mix) OVER (PARTITION BY uscc) AS share, weight, declared, sold FROM mixed WHERE mix > 0
