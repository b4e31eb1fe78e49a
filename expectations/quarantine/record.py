"""Suite 隔离记录: every record states its reasons and its origin."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "quarantine.record",
    (
        Check(
            "reasons_given",
            "隔离原因不为空",
            "Every record has reasons of the form column:rule",
            "SELECT row_id, reasons FROM {table} WHERE len(reasons) = 0 "
            "OR len(list_filter(reasons, lambda r: NOT regexp_full_match(r, '[^:]+:[^:]+'))) > 0",
        ),
        Check(
            "delivery_known",
            "批次已登记",
            "The record's delivery is registered; a stream registers its deliveries when it seals them",
            "SELECT q.row_id, q.delivery_id FROM {table} q LEFT JOIN raw.delivery d "
            "ON d.delivery_id = q.delivery_id AND d.mapping_hash = q.mapping_hash "
            "WHERE d.delivery_id IS NULL AND q.feed NOT IN (SELECT feed FROM feeds.feed WHERE is_streamed)",
        ),
        Check(
            "feed_known",
            "数据源有效",
            "The feed is a feed of the platform",
            "SELECT row_id, feed FROM {table} WHERE feed NOT IN (SELECT feed FROM feeds.feed)",
        ),
    ),
    may_be_empty=True,
)
