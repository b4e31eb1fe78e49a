-- 占地多、亩均税收低的企业（低效用地线索）
-- Firms with much land and little tax per mu
SELECT uscc, enterprise_name, district_code, land_area_mu, tax_per_mu_wan_yuan, final_grade
FROM profile.enterprise_profile
WHERE year = (SELECT max(year) FROM profile.enterprise_profile) AND land_area_mu >= 20 AND tax_per_mu_wan_yuan < 5
ORDER BY land_area_mu DESC, uscc LIMIT 50;
