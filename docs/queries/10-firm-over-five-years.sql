-- 一家企业五年的画像、等级、链上位置与综合得分
-- One firm over five years: profile, grade, position in chains, score
WITH firm AS (
    SELECT uscc FROM chain.node_enterprise
    WHERE year = (SELECT max(year) FROM chain.gap) AND is_confirmed AND is_above_scale AND chain_code = 'XTCX'
    ORDER BY confidence DESC, uscc LIMIT 1)
SELECT p.year, p.enterprise_name, p.size_class_code, p.output_wan_yuan, p.output_growth_pct, p.tax_per_mu_wan_yuan,
    p.final_grade, p.main_node_code, p.main_node_share, s.comprehensive_score, s.rank_in_peers
FROM profile.enterprise_profile p
LEFT JOIN profile.comprehensive_score s ON s.uscc = p.uscc AND s.year = p.year
WHERE p.uscc IN (FROM firm) ORDER BY p.year;
