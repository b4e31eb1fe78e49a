"""Local suppliers: their order, evidence and risks."""

from __future__ import annotations

from tests.jobs.chain.golden import DECIDED, ODD, WEAVER
from tests.jobs.chain.world import Results


def test_suppliers_are_ranked_by_their_evidence(golden: Results) -> None:
    """Cloth in 2024: the weaver declared and sold it, the odd firm only declared it.

    A firm with positions in other nodes only is not listed.
    """
    rows = sorted(
        (r for r in golden.rows["local_supplier"] if (r["product_code"], r["year"]) == ("171201", "2024")),
        key=lambda r: r["supplier_rank"],
    )
    assert [(r["uscc"], r["supplier_evidence"]) for r in rows] == [
        (WEAVER, ["declared", "sold"]), (ODD, ["declared"])
    ]  # fmt: skip
    assert (rows[0]["sales_month"], rows[0]["month_sales_wan_yuan"]) == ("2024-12", 300)
    assert DECIDED not in {r["uscc"] for r in golden.rows["local_supplier"]}


def test_a_supplier_has_its_risk_tags(golden: Results) -> None:
    """The odd firm is graded D in version 2, and its credit record of 2023 has not been removed."""
    row = golden.one("local_supplier", uscc=ODD, year="2024")
    assert row["risk_tags"] == ["grade_d", "credit:tax_grade_d"]
    assert golden.one("local_supplier", uscc=ODD, year="2023")["risk_tags"] == ["credit:tax_grade_d"]


def test_stray_evidence_makes_no_supplier(golden: Results) -> None:
    assert not [r for r in golden.rows["local_supplier"] if r["product_code"] == "264501"]
