"""Suite 全市公开汇总: sums in which no firm shows."""

from __future__ import annotations

from expectations.checks.part_year import figures_as_of
from expectations.checks.published_sums import published_sums, summary
from expectations.gate.suite import Suite

KEY = ("year", "is_above_scale")

SUITE = Suite(
    "bulletin.city_total",
    (figures_as_of(), *published_sums(KEY)),
    summary=summary(KEY),
)
