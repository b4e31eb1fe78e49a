"""Suite 用电量: unit slips by period."""

from __future__ import annotations

from expectations.checks.unit_slips import own_history
from expectations.gate.suite import Check, Suite

_CURRENT = """SELECT uscc, period, sum(power_kwh) AS power_kwh FROM {table}
    JOIN feeds.current_delivery d USING (delivery_id, mapping_hash, period) GROUP BY uscc, period"""

SUITE = Suite(
    "raw.gov_electricity",
    (
        Check(
            "power_unit_slip",
            "用电量无成批的量级差错（与本企业其他各期比）",
            "No batch of unit slips in electricity, compared with the firm's other periods",
            own_history("power_kwh", source=_CURRENT, period="period"),
        ),
    ),
)
