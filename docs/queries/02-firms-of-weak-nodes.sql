-- 这些薄弱环节有哪些企业，凭什么认定？
-- Which firms belong to those weak nodes, by which evidence?
SELECT g.node_code, g.node_name_zh, e.enterprise_name, n.position_share, n.confidence, n.position_reasons
FROM chain.gap g
JOIN chain.node_enterprise n ON n.node_code = g.node_code AND n.year = g.year AND n.is_confirmed
JOIN core.enterprise e ON e.uscc = n.uscc AND e.year = n.year
WHERE g.chain_code = 'XTCX' AND g.year = (SELECT max(year) FROM chain.gap) AND g.state_code IN ('weak', 'single_point')
ORDER BY g.node_code, n.position_share DESC, n.uscc;
