-- 谁能在本地供应某个环节的产品？（本地配套清单）
-- Who in Ningbo can supply the products of a node?
SELECT p.zh AS product, s.supplier_rank, s.enterprise_name, d.zh AS district, s.supplier_evidence, s.month_sales_wan_yuan,
    s.capacity_amount, s.capacity_unit, s.final_grade, s.risk_tags
FROM chain.local_supplier s
JOIN release.code p ON p.list = 'product' AND p.code = s.product_code
LEFT JOIN release.code d ON d.list = 'district' AND d.code = s.district_code
WHERE s.node_code = 'XNYQC-M07' AND s.year = (SELECT max(year) FROM chain.local_supplier)
ORDER BY s.product_code, s.supplier_rank LIMIT 50;
