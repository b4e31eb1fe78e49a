-- 稀土磁性材料链哪些环节薄弱或缺失，为什么？
-- Which nodes of the rare-earth magnet chain are weak or missing, and why?
SELECT g.node_code, g.node_name_zh, s.zh AS state, g.state_reasons, g.firm_count, g.cr1_pct, g.local_supply_pct,
    g.purchase_coverage_pct, g.substitute_node_codes
FROM chain.gap g
JOIN release.code s ON s.list = 'chain_state' AND s.code = g.state_code
WHERE g.chain_code = 'XTCX' AND g.year = (SELECT max(year) FROM chain.gap)
    AND g.state_code NOT IN ('strong', 'normal', 'no_output')
ORDER BY g.node_code;
