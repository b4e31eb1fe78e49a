-- 一条链今年逐月的累计产值与同口径增速
-- A chain's cumulative output by month, and its growth against last year
SELECT month, output_ytd_wan_yuan / 10000 AS output_yi_yuan, output_growth_pct, comparable_count,
    profit_ytd_wan_yuan / 10000 AS profit_yi_yuan
FROM chain.chain_metrics_month WHERE chain_code = 'XNYQC' ORDER BY month;
