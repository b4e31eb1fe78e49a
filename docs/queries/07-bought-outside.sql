-- 本地企业在哪些环节的产品上对外采购最多？（补链线索）
-- For which nodes do local firms buy most products from outside the city?
SELECT n.node_name_zh, m.year, m.trade_month_count, m.demand_outside_wan_yuan, m.local_supply_pct, m.firm_count, g.state_code
FROM chain.node_metrics m
JOIN chain.node n ON n.node_code = m.node_code AND n.year = m.year
JOIN chain.gap g ON g.node_code = m.node_code AND g.year = m.year
WHERE m.year = (SELECT max(year) FROM chain.node_metrics WHERE trade_month_count > 0)
ORDER BY m.demand_outside_wan_yuan DESC NULLS LAST LIMIT 20;
