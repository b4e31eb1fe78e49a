"""Local suppliers."""

from __future__ import annotations

from tests.jobs.chain.golden import DECIDED, ODD, WEAVER
from tests.jobs.chain.world import Results


def test_order_and_evidence(golden: Results) -> None:
    """Cloth in 2024: the weaver declares and sold, the odd firm declares only; who stands elsewhere is not listed."""
    rows = sorted(
        (r for r in golden.rows["local_supplier"] if (r["product_code"], r["year"]) == ("171201", "2024")),
        key=lambda r: r["supplier_rank"],
    )
    assert [(r["uscc"], r["supplier_evidence"]) for r in rows] == [
        (WEAVER, ["declared", "sold"]), (ODD, ["declared"])
    ]  # fmt: skip
    assert (rows[0]["sales_month"], rows[0]["month_sales_wan_yuan"]) == ("2024-12", 300)
    assert DECIDED not in {r["uscc"] for r in golden.rows["local_supplier"]}


def test_risks(golden: Results) -> None:
    """Graded D in version 2, and listed since 2023 without removal."""
    row = golden.one("local_supplier", uscc=ODD, year="2024")
    assert row["risk_tags"] == ["grade_d", "credit:tax_grade_d"]
    assert golden.one("local_supplier", uscc=ODD, year="2023")["risk_tags"] == ["credit:tax_grade_d"]


def test_stray_evidence_lists_nobody(golden: Results) -> None:
    assert not [r for r in golden.rows["local_supplier"] if r["product_code"] == "264501"]
