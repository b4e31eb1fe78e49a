"""Quarantine reasons in words."""

from __future__ import annotations

from ingest.mapping import mapping_of
from schemas.coded import titled
from schemas.contract import feeds


def test_every_reason_has_a_title() -> None:
    reasons = set()
    for spec in feeds().values():
        for sql in mapping_of(spec).reasons[1:]:
            reasons.add(sql.rsplit("THEN '", 1)[1].removesuffix("' END"))
    assert reasons
    assert sorted(reasons - set(titled("quarantine_reason"))) == []
