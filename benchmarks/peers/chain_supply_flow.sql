-- Flows between nodes by product and month.
WITH main AS (
    SELECT uscc, arg_max(node_code, share) AS node_code FROM chain_node_enterprise GROUP BY uscc)
SELECT coalesce(n.node_code, 'OUT') AS seller_node, coalesce(m.node_code, 'OUT') AS buyer_node,
    t.uscc <> 'OUT' AS is_local, product_code, period, sum(local) AS local, sum(outside) AS outside,
    sum(trades) AS trades, count(*) AS buyers
FROM chain_trade t LEFT JOIN product_of n USING (product_code) LEFT JOIN main m USING (uscc)
WHERE side = 'purchase' GROUP BY ALL
