-- Which enterprise is behind a code as of the year; a contested code identifies nobody.
SELECT identifier AS code, min(uscc) AS uscc FROM core.enterprise_identifier
WHERE year <= $year AND NOT is_disputed GROUP BY identifier HAVING count(DISTINCT uscc) = 1
UNION SELECT uscc, uscc FROM core.enterprise WHERE year = $year
