"""Suite 企业月度标签: as for years."""

from __future__ import annotations

from expectations.checks.profile_tags import tag_checks
from expectations.gate.suite import Suite

SUITE = Suite("profile.enterprise_tag_month", tag_checks("month"), may_be_empty=True)
