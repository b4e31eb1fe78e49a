-- 哪些评价单元的增加值今天可向机关工作人员展示？（同意有效或无须同意）
-- Whose value added may be shown to officials today: every firm of the unit consents, or has no statistics?
WITH shown AS (
    SELECT p.evaluation_uscc AS uscc, p.year,
        bool_and(s.per_mu_consent_code = 'not_needed' OR c.uscc IS NOT NULL) AS may_be_shown
    FROM per_mu.population p
    JOIN core.consent_state s ON s.uscc = p.uscc AND s.year = p.year
    LEFT JOIN core.consent c ON c.uscc = p.uscc AND c.year = p.year AND c.consent_purpose_code = 'per_mu_evaluation'
        AND current_date >= c.consent_from_date AND current_date < coalesce(c.consent_end_date, DATE '9999-12-31')
    WHERE p.unit_role_code <> 'inherits'
    GROUP BY ALL
)
SELECT u.district_code, u.uscc, may_be_shown, CASE WHEN may_be_shown THEN u.value_added_wan_yuan END AS value_added_wan_yuan
FROM per_mu.unit u JOIN shown USING (uscc, year)
WHERE u.year = (SELECT max(year) FROM per_mu.unit) AND u.value_added_wan_yuan IS NOT NULL
ORDER BY may_be_shown, u.district_code, u.uscc LIMIT 20;
