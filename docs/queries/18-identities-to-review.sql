-- 哪些企业身份冲突需人工核实？
-- Which identity conflicts need a person's decision?
SELECT year, identifier_kind_code, identifier, claimants, review_reason_code FROM core.identity_review ORDER BY year, identifier;
