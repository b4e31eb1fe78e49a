-- 十条链总产值离“2025年突破2万亿元”还有多远？
-- How far are the ten chains from the plan's 2 trillion yuan in 2025?
WITH plan AS (
    SELECT json_extract_string(content, 'target_wan_yuan')::DECIMAL(24, 6) AS target_wan_yuan, source
    FROM release.rule_set WHERE rule_set_id = 'chain-target'),
chains AS (
    SELECT year, sum(output_wan_yuan) AS output_wan_yuan, sum(expected_wan_yuan) AS expected_wan_yuan
    FROM chain.target_progress GROUP BY year)
SELECT year, output_wan_yuan / 10000 AS output_yi_yuan, expected_wan_yuan / 10000 AS expected_yi_yuan,
    target_wan_yuan / 10000 AS target_yi_yuan, round(100 * output_wan_yuan / target_wan_yuan, 1) AS target_progress_pct,
    source
FROM chains CROSS JOIN plan ORDER BY year;
