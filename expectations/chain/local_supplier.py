"""Suite 本地配套清单: complete ranks, evidence first, and firms of the product's node."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "product_code, uscc, year"

SUITE = Suite(
    "chain.local_supplier",
    (
        Check(
            "ranks_complete",
            "序号连续",
            "The ranks of a product run from 1 without a gap",
            """SELECT product_code, year FROM {table} GROUP BY ALL
            HAVING count(DISTINCT supplier_rank) <> count(*) OR max(supplier_rank) <> count(*)""",
        ),
        Check(
            "evidence_given",
            "均有供给依据",
            "Every supplier has declared or sold the product",
            f"""SELECT {_KEY} FROM {{table}} WHERE len(supplier_evidence) = 0
                OR list_contains(supplier_evidence, 'sold') <> (month_sales_wan_yuan IS NOT NULL)""",
        ),
        Check(
            "stands_in_node",
            "企业在该环节",
            "Every supplier has a confirmed position in the product's node",
            """SELECT t.product_code, t.uscc, t.year FROM {table} t ANTI JOIN chain.node_enterprise p
            ON p.uscc = t.uscc AND p.year = t.year AND p.node_code = t.node_code AND p.is_confirmed""",
        ),
        Check(
            "best_evidence_first",
            "依据强者在前",
            "No supplier ranks below one with less evidence",
            f"""SELECT {_KEY} FROM {{table}} QUALIFY len(supplier_evidence)
                > lag(len(supplier_evidence)) OVER (PARTITION BY product_code, year ORDER BY supplier_rank)""",
        ),
        Check(
            "risk_told",
            "D类企业有风险标签",
            "A firm graded D has the risk tag",
            f"""SELECT {_KEY} FROM {{table}}
            WHERE (final_grade = 'D') IS TRUE AND NOT list_contains(risk_tags, 'grade_d')""",
        ),
    ),
    may_be_empty=True,
)
