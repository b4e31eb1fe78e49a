-- Sums and concentration by chain.
WITH firms AS (
    SELECT chain_code, period, uscc, sum(output) AS output, sum(added) AS added,
        sum(revenue) AS revenue, sum(profit) AS profit, any_value(final_grade) AS final_grade
    FROM placed GROUP BY ALL),
parts AS (
    SELECT *, output / nullif(sum(output) OVER w, 0) AS part,
        row_number() OVER (PARTITION BY chain_code, period ORDER BY output DESC NULLS LAST, uscc) AS firm_rank
    FROM firms WINDOW w AS (PARTITION BY chain_code, period))
SELECT chain_code, period, count(*) AS firms, sum(output) AS output, sum(added) AS added,
    sum(revenue) AS revenue, sum(profit) AS profit, 100 * max(part) AS cr1,
    100 * sum(part) FILTER (firm_rank <= 5) AS cr5, 10000 * sum(part * part) AS hhi,
    count(*) FILTER (final_grade = 'A') AS a FROM parts GROUP BY ALL
