-- 合并、分立、换码：某年的数据为何计入另一家企业？
-- Absorptions, splits and new codes: why do a year's figures count for another firm?
SELECT * FROM core.identity_event ORDER BY valid_from_date, from_uscc LIMIT 100;
