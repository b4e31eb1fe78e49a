"""Chain figures: sums over the nodes; each firm counts once."""

from __future__ import annotations

from decimal import Decimal

from tests.jobs.chain.world import Results


def test_a_firm_in_two_nodes_counts_once(golden: Results) -> None:
    """TST in 2024: the weaver (M01, M02), spinner, padder, misnamed and odd firm, SOLE, buyer and tailor."""
    row = golden.one("chain_metrics", chain_code="TST", year="2024")
    assert row["firm_count"] == 8
    # 120,000 + 30,000 + 50,000 + half of the tailor's 200,000
    assert row["output_wan_yuan"] == 300_000 and row["reporting_count"] == 4
    assert row["cr1_pct"] == 40 and row["lead_firm_count"] == 2
    # 40² + 33.3333² + 16.6667² + 10²
    assert row["hhi"] == Decimal("3088.887778")


def test_the_amounts_of_a_chain_are_the_sums_of_its_nodes(golden: Results) -> None:
    amounts = ("output", "revenue", "demand", "comparable_output")
    for suffix, period in (("", "year"), ("_month", "month")):
        names = [f"{a}_ytd_wan_yuan" if suffix else f"{a}_wan_yuan" for a in amounts]
        for row in golden.rows[f"chain_metrics{suffix}"]:
            nodes = [
                n for n in golden.rows[f"node_metrics{suffix}"]
                if (n["chain_code"], n[period]) == (row["chain_code"], row[period])
            ]  # fmt: skip
            for name in names:
                known = [n[name] for n in nodes if n[name] is not None]
                assert row[name] == (sum(known) if known else None), (name, row["chain_code"], row[period])
            assert row["node_count"] == len(nodes)


def test_the_year_of_the_chains_adds_up_once(golden: Results) -> None:
    """``sum(output_wan_yuan) where year = 2024``: TST 300,000 and EXT 100,000, and no months beside them."""
    rows = [r for r in golden.rows["chain_metrics"] if r["year"] == "2024"]
    assert sum(r["output_wan_yuan"] or 0 for r in rows) == 400_000
