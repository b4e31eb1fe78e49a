"""Suite 行业公开汇总: sums in which no firm shows."""

from __future__ import annotations

from expectations.checks.part_year import figures_as_of
from expectations.checks.published_sums import parts_of_the_city, published_sums, summary
from expectations.gate.suite import Suite

KEY = ("year", "industry_division_code")

SUITE = Suite(
    "bulletin.division_total",
    (figures_as_of(), *published_sums(KEY), *parts_of_the_city()),
    summary=summary(KEY),
)
