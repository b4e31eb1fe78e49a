"""Suite 处罚与事故: each decision belongs to one firm."""

from __future__ import annotations

from expectations.checks.one_firm import one_firm

SUITE = one_firm("raw.gov_penalty", "event_id")
