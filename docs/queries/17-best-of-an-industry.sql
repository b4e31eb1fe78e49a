-- 各行业大类、各企业规模综合评价第一名
-- Top firm of each division and size class by comprehensive score
SELECT s.year, p.industry_division_code, p.size_class_code, p.enterprise_name, s.comprehensive_score, s.peer_count
FROM profile.comprehensive_score s
JOIN profile.enterprise_profile p USING (uscc, year)
WHERE s.year = (SELECT max(year) FROM profile.comprehensive_score) AND s.comprehensive_score IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY p.industry_division_code, p.size_class_code ORDER BY s.comprehensive_score DESC, uscc) = 1
ORDER BY p.industry_division_code, p.size_class_code;
