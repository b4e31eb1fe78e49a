-- 三年复合增速快的中小企业
-- Small and medium firms with fast growth over three years
SELECT p.uscc, p.enterprise_name, p.size_class_code, p.industry_division_code, p.output_cagr_pct, p.rd_ratio_pct, p.main_node_code
FROM profile.enterprise_profile p
WHERE p.year = (SELECT max(year) FROM profile.enterprise_profile)
    AND p.size_class_code IN ('small', 'medium') AND p.output_cagr_pct > 15
ORDER BY p.output_cagr_pct DESC, p.uscc LIMIT 50;
