"""Suite 用能权交易: a row is booked or refused with a reason, within its year, and few are refused."""

from __future__ import annotations

from expectations.checks.ledgers import transfers
from expectations.gate.suite import Suite

SUITE = Suite("resource.energy_transfer", transfers("quota_transfer_code"), may_be_empty=True)
