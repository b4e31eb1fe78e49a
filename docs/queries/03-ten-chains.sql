-- 十条标志性产业链一览：产值、同口径增速、企业、强弱环节
-- The ten chains: output, growth of comparable firms, number of firms, states of their nodes
SELECT c.zh AS chain, m.output_wan_yuan / 10000 AS output_yi_yuan, m.output_growth_pct, m.firm_count,
    m.above_scale_count, m.local_supply_pct, count(*) FILTER (g.state_code = 'strong') AS strong,
    count(*) FILTER (g.state_code = 'weak') AS weak, count(*) FILTER (g.state_code = 'single_point') AS single_point,
    count(*) FILTER (g.state_code = 'missing') AS missing
FROM chain.chain_metrics m
JOIN release.code c ON c.list = 'chain' AND c.code = m.chain_code
JOIN chain.gap g ON g.chain_code = m.chain_code AND g.year = m.year
WHERE m.year = (SELECT max(year) FROM chain.gap)
GROUP BY ALL ORDER BY output_yi_yuan DESC;
