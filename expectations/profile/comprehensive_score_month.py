"""Suite 企业月度综合评价: as for years."""

from __future__ import annotations

from expectations.checks.profile_scores import score_checks
from expectations.gate.suite import Suite

SUITE = Suite("profile.comprehensive_score_month", score_checks("month"), may_be_empty=True)
