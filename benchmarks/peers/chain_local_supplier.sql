-- The best suppliers of a product.
SELECT product_code, uscc, max(share) AS share, max(amount) AS amount FROM (
    SELECT product_code, uscc, revenue_share_pct AS share, NULL AS amount FROM raw.ent_product
    WHERE period = $year
    UNION ALL SELECT product_code, uscc, NULL, amount FROM chain_trade WHERE side = 'sale' AND uscc <> 'OUT')
GROUP BY product_code, uscc QUALIFY row_number() OVER (
    PARTITION BY product_code ORDER BY max(amount) DESC NULLS LAST, max(share) DESC NULLS LAST, uscc) <= 50
