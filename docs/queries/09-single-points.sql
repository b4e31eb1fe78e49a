-- 哪些环节依赖单一企业？哪些环节可以替代？
-- Which nodes depend on one firm, and which nodes could substitute for them?
SELECT g.node_code, g.node_name_zh, g.cr1_pct, e.enterprise_name AS lead_firm, g.substitute_node_codes
FROM chain.gap g LEFT JOIN core.enterprise e ON e.uscc = g.lead_uscc AND e.year = g.year
WHERE g.state_code = 'single_point' AND g.year = (SELECT max(year) FROM chain.gap) ORDER BY g.cr1_pct DESC;
