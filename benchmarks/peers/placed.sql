-- Figures of the year and of the month, divided among nodes by the firms' shares.
WITH figures AS (
    SELECT y.uscc, y.year AS period, y.output_wan_yuan AS output, b.output_wan_yuan AS output_before,
        y.value_added_wan_yuan AS added, y.revenue_wan_yuan AS revenue, y.profit_wan_yuan AS profit,
        y.rd_expense_wan_yuan AS rd, y.export_value_wan_yuan AS export, y.energy_tce AS energy
    FROM core.enterprise_year y LEFT JOIN core.enterprise_year b ON b.uscc = y.uscc AND b.year = $before
    WHERE y.year = $year
    UNION ALL SELECT uscc, month, output_ytd_wan_yuan, output_last_year_wan_yuan, value_added_ytd_wan_yuan,
        revenue_ytd_wan_yuan, profit_ytd_wan_yuan, rd_ytd_wan_yuan, export_ytd_wan_yuan, NULL
    FROM core.enterprise_month WHERE month = $month)
SELECT p.node_code, p.chain_code, f.period, f.uscc, g.final_grade, share, output * share AS output,
    output_before * share AS output_before, added * share AS added, revenue * share AS revenue,
    profit * share AS profit, rd * share AS rd, export * share AS export, energy * share AS energy
FROM chain_node_enterprise p JOIN figures f USING (uscc)
LEFT JOIN per_mu.enterprise_grade g ON g.uscc = p.uscc AND g.year = $year WHERE p.node_code <> 'OUT'
