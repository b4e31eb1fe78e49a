"""Suite 企业月度画像: as for years."""

from __future__ import annotations

from expectations.checks.profile_rows import profile_checks
from expectations.gate.suite import Suite

SUITE = Suite("profile.enterprise_profile_month", profile_checks("month"), may_be_empty=True)
