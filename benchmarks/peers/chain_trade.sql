-- Trades resolved to enterprises and summed by firm, side, product and month.
WITH resolved AS (
    SELECT s.uscc AS seller, b.uscc AS buyer, product_code, period, trade_wan_yuan FROM raw.ent_trade t
    LEFT JOIN codes s ON s.code = t.seller_code LEFT JOIN codes b ON b.code = t.buyer_code
    WHERE period[:4] = $year),
sides AS (
    SELECT coalesce(seller, 'OUT') AS uscc, 'sale' AS side, buyer IS NOT NULL AS is_local, product_code, period,
        trade_wan_yuan FROM resolved
    UNION ALL SELECT coalesce(buyer, 'OUT'), 'purchase', seller IS NOT NULL, product_code, period,
        trade_wan_yuan FROM resolved)
SELECT uscc, side, product_code, period, sum(trade_wan_yuan) FILTER (is_local) AS local,
    sum(trade_wan_yuan) FILTER (NOT is_local) AS outside, sum(trade_wan_yuan) AS amount, count(*) AS trades
FROM sides GROUP BY ALL
