-- 连续三年D类的企业（差别化电价加码的对象）
-- Firms graded D in three consecutive years
SELECT a.uscc, a.enterprise_name, a.district_code, a.year AS last_year
FROM per_mu.enterprise_grade a
JOIN per_mu.enterprise_grade b ON b.uscc = a.uscc AND b.year = a.year - 1 AND b.final_grade = 'D'
JOIN per_mu.enterprise_grade c ON c.uscc = a.uscc AND c.year = a.year - 2 AND c.final_grade = 'D'
WHERE a.final_grade = 'D' ORDER BY a.year DESC, a.uscc LIMIT 100;
