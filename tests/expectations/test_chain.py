"""The suites of the chains on the good city, with and without trades."""

from __future__ import annotations

from tests.expectations.bad_chain import BAD_CHAIN
from tests.expectations.conftest import Judge
from tests.expectations.good_city import City


def test_good_chains_pass(judge: Judge) -> None:
    report = judge(tables=tuple(BAD_CHAIN))
    assert [v for v in report.verdicts if not v.success] == []
    assert report.passed and report.suites == 2 * len(BAD_CHAIN)


def test_a_city_without_trades_passes(city: City, judge: Judge) -> None:
    """Enterprises share their invoices by choice, so there may be none."""
    without = ("chain.trade", "chain.supply_flow", "chain.local_supplier")
    for table in without:
        city[table] = []
    report = judge(*without)
    assert report.passed, report.failures()
