"""Why a record is in quarantine, in words."""

from __future__ import annotations

from ingest.mapping import mapping_of
from schemas.coded import titled
from schemas.contract import feeds


def test_every_reason_has_words() -> None:
    told = set()
    for spec in feeds().values():
        for sql in mapping_of(spec).reasons[1:]:
            told.add(sql.rsplit("THEN '", 1)[1].removesuffix("' END"))
    assert told
    assert sorted(told - set(titled("quarantine_reason"))) == []
