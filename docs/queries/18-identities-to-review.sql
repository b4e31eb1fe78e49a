-- 哪些企业身份冲突要人工核实？
-- Which conflicts of identity wait for a person?
SELECT year, identifier_kind_code, identifier, claimants, review_reason_code FROM core.identity_review ORDER BY year, identifier;
