-- 十条链总产值离“2025年突破2万亿元”还有多远？
-- How far are the ten chains from the plan's 2 trillion yuan in 2025?
WITH plan AS (
    SELECT json_extract_string(content, 'target_wan_yuan')::DECIMAL(24, 6) AS target_wan_yuan, source
    FROM release.rule_set WHERE rule_set_id = 'chain-target')
SELECT t.year, sum(t.output_wan_yuan) / 10000 AS output_yi_yuan, sum(t.expected_wan_yuan) / 10000 AS expected_yi_yuan,
    plan.target_wan_yuan / 10000 AS target_yi_yuan,
    round(100 * sum(t.output_wan_yuan) / plan.target_wan_yuan, 1) AS target_progress_pct, plan.source
FROM chain.target_progress t CROSS JOIN plan GROUP BY ALL ORDER BY t.year;
