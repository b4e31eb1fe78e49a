"""Visits for low efficiency as the feed has them now, each under the code of the enterprise behind it."""

from __future__ import annotations

#: The first delivery of each visit stands. A code counts for its successor if it had one when the evaluation year
#: began.
#: ``is_repeated``: one file has several records of the visit, and the gate's copy does not say which comes first.
VISITS = """(SELECT coalesce(s.head, v.uscc) AS uscc, v.period, v.visit_code, v.visited_date, v.visit_finding_code,
        v.is_repeated
    FROM (SELECT r.*, count(*) OVER (PARTITION BY r.visit_code, r.period, r.delivery_id) > 1 AS is_repeated
        FROM raw.gov_enterprise_visit r
        JOIN feeds.current_delivery d USING (delivery_id, mapping_hash, period)
        QUALIFY rank() OVER (PARTITION BY r.visit_code, r.period ORDER BY d.known_at, r.delivery_id) = 1) v
    ASOF LEFT JOIN (SELECT from_uscc, valid_from_date, max(CASE WHEN NOT is_disputed THEN to_uscc END) AS head
        FROM core.succession GROUP BY ALL) s
        ON s.from_uscc = v.uscc AND make_date(CAST(left(v.period, 4) AS INTEGER), 1, 1) >= s.valid_from_date
    WHERE v.visit_purpose_code = 'low_efficiency')"""
