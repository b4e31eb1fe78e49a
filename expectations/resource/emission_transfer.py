"""Suite 排污权交易: a row is booked or refused with a reason, within its year, and few are refused."""

from __future__ import annotations

from expectations.checks.ledgers import transfers
from expectations.gate.suite import Suite

SUITE = Suite("resource.emission_transfer", transfers("right_transfer_code"), may_be_empty=False)
