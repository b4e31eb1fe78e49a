"""Trades by enterprise: the firm behind each code, and trades with firms outside the city."""

from __future__ import annotations

from decimal import Decimal

from tests.jobs.chain.golden import BUYER, SPINNER, TAILOR, WEAVER
from tests.jobs.chain.world import Results


def test_an_organisation_code_counts_for_its_firm(golden: Results) -> None:
    """The spinner sold 90 under its organisation code and 10 to an unknown firm: one row, local 90, outside 10."""
    row = golden.one("trade", uscc=SPINNER, trade_side_code="sale")
    assert (row["local_trade_wan_yuan"], row["outside_trade_wan_yuan"]) == (90, 10)
    assert row["trade_total_wan_yuan"] == 100 and row["trade_count"] == 2


def test_sales_of_unknown_firms_are_kept_under_out(golden: Results) -> None:
    """The weaver bought yarn: 90 local, 60 from outside. Sales of unknown firms are sales of OUT."""
    bought = golden.one("trade", uscc=WEAVER, trade_side_code="purchase", product_code="171101")
    assert (bought["local_trade_wan_yuan"], bought["outside_trade_wan_yuan"]) == (90, 60)
    outside = golden.one("trade", uscc="OUT", trade_side_code="sale", product_code="171201")
    # 100 to the tailor, who is local, and 5 between two unknown firms
    assert (outside["local_trade_wan_yuan"], outside["outside_trade_wan_yuan"]) == (100, 5)


def test_every_trade_is_both_a_sale_and_a_purchase(golden: Results) -> None:
    for side in ("sale", "purchase"):
        rows = [r for r in golden.rows["trade"] if r["trade_side_code"] == side]
        assert sum(r["trade_total_wan_yuan"] for r in rows) == Decimal(300 + 90 + 10 + 60 + 5 + 7 + 100 + 8)
    assert {r["uscc"] for r in golden.rows["trade"] if r["trade_side_code"] == "purchase"} == {
        WEAVER, TAILOR, BUYER, "OUT"
    }  # fmt: skip
