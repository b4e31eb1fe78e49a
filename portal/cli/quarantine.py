"""``./brain quarantine``: quarantined records, their reasons, and corrections of them."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from portal.cli import console
from portal.cli.options import DecisionReason, Feed, Json, Period, add_group
from schemas.errors import UsageError

if TYPE_CHECKING:
    from portal.queries.quarantine import Record

Reason = Annotated[
    str | None, typer.Option(help="Only this reason (power_kwh:type), column (power_kwh) or rule (type).")
]


def list_(
    feed: Feed = None,
    reason: Reason = None,
    period: Period = None,
    json: Json = False,
) -> None:
    """Count the quarantined records by feed, period, reason and file. A record with two reasons counts twice."""
    from portal.queries.quarantine import counts

    rows = [vars(count) for count in counts(feed, reason, period)]
    if json:
        console.as_json(rows)
    elif rows:
        console.show(rows, "隔离记录 Quarantined records")
        console.say("next: ./brain quarantine show FEED --reason REASON")
    else:
        has_filter = feed or reason or period
        console.say("no quarantined records match" if has_filter else "no records are in quarantine")


def show(
    feed: Feed = None,
    reason: Reason = None,
    period: Period = None,
    file: Annotated[str | None, typer.Option(help="Only records of this file.")] = None,
    row: Annotated[
        int | None,
        typer.Option(help="Only this row of the file; with FEED, also if the record was accepted."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of records.")] = 10,
    json: Json = False,
) -> None:
    """Show records as sent, with reasons, corrections and row ids."""
    from portal.queries.quarantine import records

    shown, total = records(feed, reason, period, file, row, limit)
    if json:
        console.as_json([asdict(record) for record in shown])
        return
    for record in shown:
        _print_record(record)
    if not shown:
        console.say("no records match")
    elif total > len(shown):
        console.say(f"共 {total:,} 条，显示前 {len(shown)} 条 of {total:,} records; --limit shows more")


def _print_record(record: Record) -> None:
    from portal.cli.evidence import told

    console.heading(f"{record.row_id} · {record.feed} {record.period} · {record.file} 第 {record.row} 行")
    if isinstance(record.record, Mapping):
        cells = record.record
        new = {c.heading: c.new_text or "" for c in record.corrections}
        console.show(
            [{"表头 heading": h, "sent": t, **({"corrected": new.get(h, "")} if new else {})}
             for h, t in {**cells, **{h: cells.get(h, "") for h in new}}.items()]
        )  # fmt: skip
    else:
        console.say("  " + " ".join(record.record))
    for reason in record.reasons:
        console.say(f"  隔离 {reason.zh} · {reason.en} ({reason.reason})")
    for correction in record.corrections:
        state = "已生效 applied" if correction.is_applied else "待生效 not applied yet"
        console.say(f"  更正 {told(vars(correction))} · {state}")


def correct(
    row_id: Annotated[str, typer.Argument(help="Row id, as ./brain quarantine show prints it.")],
    words: Annotated[
        list[str],
        typer.Argument(metavar="HEADING=VALUE...", help="The sender's heading and the correct text."),
    ],
    reason: DecisionReason = "",
    by: Annotated[str | None, typer.Option(help="Who corrects; the current user if omitted.")] = None,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Withdraw corrections instead: give HEADING= or only HEADING.")
    ] = False,
    json: Json = False,
) -> None:
    """Correct cells of a record; replay applies the correction. The record itself stays as sent."""
    from ingest.register import corrections
    from ingest.register.quarantine import record_of

    if not reason.strip():
        raise UsageError("say why: --reason TEXT is required and not empty")
    sent = record_of(row_id)
    who = getpass.getuser() if by is None else by
    texts = parse_cells(words, sent.headings, withdraw=withdraw)
    recorded = (
        corrections.withdraw(sent, texts, reason, who)
        if withdraw
        else corrections.correct(sent, texts, reason, who)
    )
    names = ("correction_number", "row_id", "heading", "old_text", "new_text", "correction_reason",
             "corrected_by", "corrected_at")  # fmt: skip
    rows = [{name: c[name] for name in names} for c in recorded]
    if json:
        console.as_json(rows)
    else:
        console.show(rows, "更正 Corrections")
        console.say(f"next: ./brain quarantine replay {sent.spec.table}")


def parse_cells(words: Sequence[str], headings: Sequence[str], *, withdraw: bool = False) -> dict[str, str]:
    """``HEADING=VALUE`` → heading and text; a heading may contain an equals sign.

    >>> parse_cells(["户号=330=2", "a=b=7"], ["户号", "a=b"])
    {'户号': '330=2', 'a=b': '7'}
    """
    texts: dict[str, str] = {}
    for word in words:
        known = [h for h in headings if word.startswith(f"{h}=") or (withdraw and word == h)]
        heading = max(known, key=len, default=word.partition("=")[0])
        text = word.removeprefix(heading)
        if not text.startswith("=") and not withdraw:
            raise UsageError(f"{word}: write HEADING=VALUE, e.g. {headings[0]}=…")
        if withdraw and text.removeprefix("="):
            raise UsageError(f"{word}: a withdrawal has no new text; write {heading}=")
        if heading in texts:
            raise UsageError(f"{heading} is given twice")
        texts[heading] = text.removeprefix("=")
    return texts


def replay(feed: Feed = None, json: Json = False) -> None:
    """Map deliveries again to apply corrections and changed mappings."""
    from ingest.ways import remap

    with console.stages(quiet=json) as progress:
        report = remap.replay([feed] if feed else None, progress)
    rows = [{name: value for name, value in vars(f).items() if name != "message"} for f in report.files]
    if json:
        console.as_json(rows)
    elif rows:
        console.show(rows, "重新映射的批次 Deliveries mapped again")
    else:
        console.say("nothing to replay: all corrections are applied and no mapping has changed")


def register(app: typer.Typer) -> None:
    """Add the group of commands to the command line."""
    help_ = "隔离记录 Quarantine: list, show, correct and replay records. They violate their feed's contract."
    add_group(app, "quarantine", help_, list_, show, correct, replay)
