-- The enterprise of a code as of the year; a disputed code identifies no enterprise.
SELECT identifier AS code, min(uscc) AS uscc FROM core.enterprise_identifier
WHERE year <= $year AND NOT is_disputed GROUP BY identifier HAVING count(DISTINCT uscc) = 1
UNION SELECT uscc, uscc FROM core.enterprise WHERE year = $year
