-- 合并、分立、换码：某年的数据为什么算在另一家名下？
-- Absorptions, splits and new codes: why do figures of a year count for another firm?
SELECT * FROM core.identity_event ORDER BY valid_from_date, from_uscc LIMIT 100;
