-- 哪些企业的差别化电价加价最多，连续几年D类？
-- Which firms pay most for differentiated power prices, and for how many years have they been in D?
SELECT p.uscc, any_value(e.enterprise_name) AS enterprise_name, p.district_code, max(p.years_in_d_count) AS years_in_d,
    count(DISTINCT p.meter_account_code) AS accounts, min(p.month) AS first_month, max(p.month) AS last_month,
    sum(p.power_kwh) AS power_kwh, sum(p.surcharge_wan_yuan) AS surcharge_wan_yuan
FROM resource.power_price_month p
LEFT JOIN core.enterprise e ON e.uscc = p.uscc AND e.year = p.evaluation_year
GROUP BY p.uscc, p.district_code ORDER BY surcharge_wan_yuan DESC, p.uscc LIMIT 100;
