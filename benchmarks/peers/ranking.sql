-- Scores, ranks, percent ranks and grades of enterprise-years.
COPY (
    WITH scored AS (
        SELECT uscc, year, list_code, ($score)::DECIMAL(24,6) AS total_score FROM read_parquet($given)),
    ranked AS (
        SELECT *, (row_number() OVER by_score)::INT AS city_rank,
            (count(*) OVER (PARTITION BY year, list_code))::INT AS list_size,
            round(percent_rank() OVER by_score * 100, 4)::DECIMAL(9,4) AS percentile_pct
        FROM scored WINDOW by_score AS (PARTITION BY year, list_code ORDER BY total_score DESC, uscc))
    SELECT *, CASE $grades ELSE 'D' END AS final_grade FROM ranked
) TO $target (FORMAT parquet)
