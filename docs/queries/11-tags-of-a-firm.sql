-- 哪些标签最常见？各有多少企业？
-- How many firms carry each tag?
SELECT c.zh AS tag, c.en, count(*) AS firms, count(*) FILTER (t.is_above_scale) AS above_scale
FROM profile.enterprise_tag t JOIN release.code c ON c.list = 'tag' AND c.code = t.tag_code
WHERE t.year = (SELECT max(year) FROM profile.enterprise_tag)
GROUP BY ALL ORDER BY firms DESC;
