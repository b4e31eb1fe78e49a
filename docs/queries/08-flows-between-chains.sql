-- 链与链之间的购销：谁供谁？
-- Trade between chains: who supplies whom?
SELECT seller_chain_code, buyer_chain_code, sum(trade_total_wan_yuan) AS trade_wan_yuan,
    sum(local_trade_wan_yuan) AS local_wan_yuan, sum(trade_count)::BIGINT AS trades
FROM chain.supply_flow WHERE is_buyer_local GROUP BY ALL ORDER BY trade_wan_yuan DESC LIMIT 30;
