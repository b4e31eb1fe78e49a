-- 各项差别化措施给各等级企业带来多少减免或加价？
-- What does each measure bring to the firms of each grade?
SELECT c.year, m.zh AS measure, c.final_grade, c.firm_count, c.touched_firm_count, c.before_wan_yuan, c.amount_wan_yuan,
    c.after_wan_yuan, c.quota_change_tce, c.is_assumed
FROM resource.consequence_city c
JOIN release.code m ON m.list = 'resource_measure' AND m.code = c.measure_code
ORDER BY c.year DESC, c.measure_code, c.final_grade;
