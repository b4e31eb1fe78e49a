"""Suite 企业综合评价: firms in scope, totals within their dimensions, consistent ranks, even percentiles."""

from __future__ import annotations

from expectations.checks.profile_scores import score_checks
from expectations.gate.suite import Suite

SUITE = Suite("profile.comprehensive_score", score_checks("year"))
