"""Suite 更正记录: every correction states its reason, changes something, and belongs to a registered delivery."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "quarantine.correction",
    (
        Check(
            "reason_given",
            "更正理由与更正人不为空",
            "A correction states its reason and who made it",
            "SELECT correction_number FROM {table} WHERE trim(correction_reason) = '' OR trim(corrected_by) = ''",
        ),
        Check(
            "text_given",
            "更正有新内容，撤销没有",
            "A correction has a new text, a withdrawal has none",
            "SELECT correction_number FROM {table} WHERE is_withdrawn <> (new_text IS NULL) "
            "OR new_text IS NOT DISTINCT FROM old_text",
        ),
        Check(
            "delivery_known",
            "批次已登记",
            "The record's delivery is registered",
            "SELECT correction_number, delivery_id FROM {table} "
            "WHERE delivery_id NOT IN (SELECT delivery_id FROM raw.delivery)",
        ),
        Check(
            "all_applied",
            "更正均已重放",
            "Every correction of a current delivery is applied (./brain quarantine replay)",
            """SELECT c.correction_number, c.feed, c.period FROM {table} c
            JOIN (SELECT delivery_id, max(coalesce(corrected_upto, 0)) AS upto
                FROM feeds.current_delivery GROUP BY ALL) d USING (delivery_id)
            WHERE c.correction_number > d.upto""",
            level="warn",
        ),
    ),
    may_be_empty=True,
)
