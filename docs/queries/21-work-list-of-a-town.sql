-- 一个镇街的工作清单：D类与数据不全企业，及原因
-- Work list of a town: firms graded D or with incomplete data, with the reasons
SELECT p.uscc, e.enterprise_name, p.list_code, p.eval_status_code, g.final_grade, p.land_area_mu,
    coalesce(g.grade_reasons, p.status_reasons) AS reasons
FROM per_mu.population p
JOIN core.enterprise e USING (uscc, year)
LEFT JOIN per_mu.enterprise_grade g USING (uscc, year)
WHERE p.town_code = (SELECT code FROM release.code WHERE list = 'town' AND zh = '观海卫镇')
    AND p.year = (SELECT max(year) FROM per_mu.population)
    AND (g.final_grade = 'D' OR p.eval_status_code = 'data_incomplete')
ORDER BY p.eval_status_code, p.land_area_mu DESC NULLS LAST, p.uscc;
