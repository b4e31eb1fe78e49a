-- 一家D类企业的各项指标距基准值各差多少分？
-- A firm graded D: how many points does each indicator lack to reach its baseline?
WITH firm AS (
    SELECT uscc, year FROM per_mu.enterprise_grade WHERE final_grade = 'D' AND evaluation_uscc = uscc
    ORDER BY year DESC, uscc LIMIT 1)
SELECT v.indicator_code, i.zh AS indicator, v.value, v.baseline, v.weight, v.score, v.weight - v.score AS lacking
FROM per_mu.indicator_value v JOIN firm USING (uscc, year)
JOIN release.code i ON i.list = 'per_mu_indicator' AND i.code = v.indicator_code
ORDER BY lacking DESC;
