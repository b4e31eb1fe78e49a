-- 十条链总产值离“2025年突破2万亿元”还有多远？
-- How far are the ten chains from the plan's 2 trillion yuan in 2025?
SELECT year, output_wan_yuan / 10000 AS output_yi_yuan, expected_wan_yuan / 10000 AS expected_yi_yuan,
    target_wan_yuan / 10000 AS target_yi_yuan, target_progress_pct, rule_source
FROM chain.target_progress WHERE chain_code = 'ALL' ORDER BY year;
