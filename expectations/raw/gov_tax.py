"""Suite 税收入库: unit slips by period, because a year's sum would hide a month's."""

from __future__ import annotations

from expectations.checks.unit_slips import TAX_SIZE, own_history
from expectations.gate.suite import Check, Suite

_CURRENT = "SELECT r.* FROM {table} r JOIN feeds.current_delivery d USING (delivery_id, mapping_hash)"

SUITE = Suite(
    "raw.gov_tax",
    (
        Check(
            "tax_unit_slip",
            "税收无成批的量级差错（与本企业其他各期比）",
            "No batch of unit slips in tax, compared with the firm's other periods",
            own_history(TAX_SIZE, source=_CURRENT, period="period"),
        ),
        Check(
            "declared_revenue_unit_slip",
            "申报营业收入无成批的量级差错（与本企业其他各期比）",
            "No batch of unit slips in declared revenue, compared with the firm's other periods",
            own_history("declared_revenue_wan_yuan", source=_CURRENT, period="period"),
        ),
    ),
)
