-- Every tag whose rule is met, with its evidence.
SELECT uscc, period, district_code, is_above_scale, tag.code AS tag_code, tag.kind AS tag_kind_code,
    list_filter(tag.evidence, lambda x: x IS NOT NULL) AS tag_evidence, md5(uscc || tag.code || period) AS row_id
FROM (SELECT uscc, period, district_code, is_above_scale, unnest([$tags]) AS tag
    FROM (SELECT *, year AS period FROM profile.enterprise_profile
        UNION ALL BY NAME SELECT *, month AS period FROM profile.enterprise_profile_month)
    WHERE period IN ($year, $month))
WHERE tag IS NOT NULL
