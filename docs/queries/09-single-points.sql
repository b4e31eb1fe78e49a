-- 哪些环节只靠一家企业？出了事谁能替代？
-- Which nodes hang on one firm, and which nodes could stand in?
SELECT g.node_code, g.node_name_zh, g.cr1_pct, e.enterprise_name AS lead_firm, g.substitute_node_codes
FROM chain.gap g LEFT JOIN core.enterprise e ON e.uscc = g.lead_uscc AND e.year = g.year
WHERE g.state_code = 'single_point' AND g.year = (SELECT max(year) FROM chain.gap) ORDER BY g.cr1_pct DESC;
