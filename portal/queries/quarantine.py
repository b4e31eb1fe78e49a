"""Quarantined records: counts by reason, and records as sent with their reasons and corrections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from portal.queries.register import Stamp, stamp
from portal.queries.titles import Named
from schemas.coded import title, titled
from schemas.contract import Feed, feed

if TYPE_CHECKING:
    from ingest.register.corrections import Correction, Sent

#: Characters of an example; a record without cells is shown by its beginning.
EXAMPLE_LENGTH = 60


@dataclass(frozen=True)
class Count:
    """Number of records of a feed, period and file with one reason; ``pending`` of them have unapplied corrections."""

    feed: str
    period: str
    reason: str
    records: int
    pending: int
    zh: str
    en: str
    example: str
    file: str


@dataclass(frozen=True)
class ReasonTotal:
    """Number of records of a feed with one reason, in how many periods; a record with two reasons counts twice."""

    feed: Named
    reason: Named
    records: int
    pending: int
    periods: tuple[str, ...]
    example: str


@dataclass(frozen=True)
class Reason:
    """A reason for quarantine, as a code and in words."""

    reason: str
    zh: str
    en: str


@dataclass(frozen=True)
class Corrected:
    """A correction of a record's cell, and whether the record's latest mapping applied it."""

    correction_number: int
    heading: str
    old_text: str | None
    new_text: str | None
    is_withdrawn: bool
    correction_reason: str
    corrected_by: str
    corrected_at: Any
    is_applied: bool


@dataclass(frozen=True)
class Record:
    """A record as sent; ``record`` has cells by heading, or raw texts if the record has no cells."""

    row_id: str
    feed: str
    period: str
    file: str
    row: int
    state: str
    record: Mapping[str, str] | Sequence[str]
    reasons: tuple[Reason, ...]
    corrections: tuple[Corrected, ...]


def in_words(reason: str, spec: Feed) -> tuple[str, str]:
    """A reason in Chinese and in English.

    >>> from schemas.contract import feed
    >>> in_words("power_kwh:type", feed("gov_electricity"))
    ('用电量不是规定类型的值', 'Electricity used is not a value of its type')
    """
    name, _, rule = reason.partition(":")
    rules = titled("quarantine_rule")
    if name in spec.column_names and rule in rules:
        column = spec.column(name)
        return f"{column.zh}{rules[rule].zh}", f"{column.en} {rules[rule].en}"
    given = title("quarantine_reason", reason)
    return given.zh, given.en


def meets(reasons: Iterable[str], wanted: str | None) -> list[str]:
    """The reasons that match a wanted reason, column or rule; all reasons if nothing is wanted."""
    return [r for r in reasons if wanted is None or wanted == r or wanted in r.split(":")]


# --- counts --------------------------------------------------------------------------------------------


def counts(name: str | None, reason: str | None, period: str | None) -> list[Count]:
    """Records counted by feed, period, reason and file, with an example from the first record.

    Ordered by feed and period, then the most frequent reason first.
    """
    from ingest.register.corrections import corrections
    from ingest.register.quarantine import quarantined

    recorded = corrections()
    by_key: dict[tuple[str, str, str, str], Count] = {}
    for sent in quarantined(name):
        if period not in (None, sent.row["period"]):
            continue
        pending = bool(_pending(sent, recorded))
        for why in meets(sent.row["reasons"], reason):
            key = (sent.spec.table, sent.row["period"], why, sent.row["source_file"])
            before = by_key.get(key) or _empty_count(sent, why)
            by_key[key] = replace(before, records=before.records + 1, pending=before.pending + pending)
    return sorted(by_key.values(), key=lambda c: (c.feed, c.period, -c.records, c.reason, c.file))


def totals(name: str = "", reason: str = "") -> list[ReasonTotal]:
    """Records by feed and reason, the most frequent first; counted again only after something was registered."""
    by_key: dict[tuple[str, str], list[Count]] = {}
    for count in _all_counts(stamp()):
        if (not name or count.feed == name) and meets([count.reason], reason or None):
            by_key.setdefault((count.feed, count.reason), []).append(count)
    found = [
        ReasonTotal(
            feed=Named(of, feed(of).title.zh, feed(of).title.en),
            reason=Named(why, counted[0].zh, counted[0].en),
            records=sum(count.records for count in counted),
            pending=sum(count.pending for count in counted),
            periods=tuple(sorted({count.period for count in counted})),
            example=counted[0].example,
        )
        for (of, why), counted in by_key.items()
    ]
    return sorted(found, key=lambda total: (-total.records, total.feed.code, total.reason.code))


@lru_cache(maxsize=2)
def _all_counts(_stamp: Stamp) -> tuple[Count, ...]:
    return tuple(counts(None, None, None))


def _empty_count(sent: Sent, reason: str) -> Count:
    zh, en = in_words(reason, sent.spec)
    return Count(
        feed=sent.spec.table,
        period=sent.row["period"],
        reason=reason,
        records=0,
        pending=0,
        zh=zh,
        en=en,
        example=_example(sent, reason),
        file=sent.row["source_file"],
    )


def _example(sent: Sent, reason: str) -> str:
    """The cell that caused the reason, or the beginning of the record."""
    source, name = sent.spec.source, reason.partition(":")[0]
    if reason == "key:duplicate":
        return str(sent.row["record_key"] or "")
    heading = source.mapping[name].heading if name in source.mapping else None
    if name == "period" and source.period_from:
        heading = source.period_from.heading
    if heading is not None and sent.cells:
        return str(sent.cells.get(heading, ""))[:EXAMPLE_LENGTH]
    return " ".join(sent.row["source_record"])[:EXAMPLE_LENGTH]


# --- records -------------------------------------------------------------------------------------------


def records(
    name: str | None,
    reason: str | None,
    period: str | None,
    file: str | None,
    number: int | None,
    limit: int,
    skip: int = 0,
) -> tuple[list[Record], int]:
    """At most ``limit`` records after the first ``skip``, and the number of all matching records.

    With a feed and a row number, and no reason, the result includes accepted records, because a plausible but wrong
    figure can be corrected too.
    """
    from ingest.register.corrections import corrections

    recorded = corrections()
    matching: list[Record] = []
    total = 0
    for sent in _chosen(name, reason, file, number):
        if period not in (None, sent.row["period"]):
            continue
        total += 1
        if total > skip and len(matching) < limit:
            matching.append(_record(sent, recorded))
    return matching, total


def _chosen(name: str | None, reason: str | None, file: str | None, number: int | None) -> Iterator[Sent]:
    from ingest.register.quarantine import quarantined, records_at

    if name is not None and number is not None and reason is None:
        yield from records_at(name, file, number)
        return
    for sent in quarantined(name):
        at = file in (None, sent.row["source_file"]) and number in (None, sent.row["source_row"])
        if at and meets(sent.row["reasons"], reason):
            yield sent


def _record(sent: Sent, recorded: Mapping[str, list[Correction]]) -> Record:
    reasons = tuple(Reason(code, *in_words(code, sent.spec)) for code in sent.row.get("reasons", ()))
    pending = {c["correction_number"] for c in _pending(sent, recorded)}
    names = ("correction_number", "heading", "old_text", "new_text", "is_withdrawn", "correction_reason",
             "corrected_by", "corrected_at")  # fmt: skip
    return Record(
        row_id=sent.row["row_id"],
        feed=sent.spec.table,
        period=sent.row["period"],
        file=sent.row["source_file"],
        row=sent.row["source_row"],
        state="quarantined" if reasons else "accepted",
        record=sent.cells or sent.row["source_record"],
        reasons=reasons,
        corrections=tuple(
            Corrected(**{name: c[name] for name in names}, is_applied=c["correction_number"] not in pending)
            for c in _of_record(sent, recorded)
        ),
    )


def _of_record(sent: Sent, recorded: Mapping[str, list[Correction]]) -> list[Correction]:
    of_delivery = recorded.get(sent.row["delivery_id"], [])
    return [c for c in of_delivery if (c["source_file"], c["source_row"]) == sent.place]


def _pending(sent: Sent, recorded: Mapping[str, list[Correction]]) -> list[Correction]:
    """Corrections of a record that are later than its latest mapping."""
    upto = sent.delivery.get("corrected_upto") or 0
    return [c for c in _of_record(sent, recorded) if c["correction_number"] > upto]
