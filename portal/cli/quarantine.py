"""``./brain quarantine``: what is in quarantine, why, and what people correct of it."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from portal.cli import console
from portal.cli.options import Feed, Json, add_group
from schemas.errors import UsageError

if TYPE_CHECKING:
    from portal.queries.quarantine import Record

Reason = Annotated[
    str | None, typer.Option(help="A reason (power_kwh:type), a column (power_kwh) or a rule (type).")
]


def list_(
    feed: Feed = None,
    reason: Reason = None,
    period: Annotated[str | None, typer.Option(help="Only this period.")] = None,
    json: Json = False,
) -> None:
    """Records in quarantine now, counted by feed, period, reason and file; a record with two reasons counts twice."""
    from portal.queries.quarantine import counts

    rows = [vars(count) for count in counts(feed, reason, period)]
    if json:
        console.as_json(rows)
    elif rows:
        console.show(rows, "隔离记录 In quarantine")
        console.say("next: ./brain quarantine show FEED --reason REASON")
    else:
        console.say("nothing is in quarantine" + (" that meets this" if feed or reason or period else ""))


def show(
    feed: Feed = None,
    reason: Reason = None,
    file: Annotated[str | None, typer.Option(help="Only of this file.")] = None,
    row: Annotated[
        int | None, typer.Option(help="Only this row of the file; with FEED accepted records as well.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many records.")] = 10,
    json: Json = False,
) -> None:
    """Records as sent, with their reasons in words, corrections and row ids."""
    from portal.queries.quarantine import records

    found, total = records(feed, reason, file, row, limit)
    if json:
        console.as_json([asdict(record) for record in found])
        return
    for record in found:
        _print_record(record)
    if not found:
        console.say("no such record")
    elif total > len(found):
        console.say(f"共 {total:,} 条，显示前 {len(found)} 条 of {total:,} records; --limit shows more")


def _print_record(found: Record) -> None:
    from portal.cli.evidence import told

    console.heading(f"{found.row_id} · {found.feed} {found.period} · {found.file} 第 {found.row} 行")
    if isinstance(found.record, Mapping):
        cells = found.record
        new = {c.heading: c.new_text or "" for c in found.corrections}
        console.show(
            [{"表头 heading": h, "sent": t, **({"corrected": new.get(h, "")} if new else {})}
             for h, t in {**cells, **{h: cells.get(h, "") for h in new}}.items()]
        )  # fmt: skip
    else:
        console.say("  " + " ".join(found.record))
    for reason in found.reasons:
        console.say(f"  隔离 {reason.zh} · {reason.en} ({reason.reason})")
    for correction in found.corrections:
        state = "已生效 applied" if correction.is_applied else "待重放 not replayed yet"
        console.say(f"  更正 {told(vars(correction))} · {state}")


def correct(
    row_id: Annotated[str, typer.Argument(help="A row id, as ./brain quarantine show prints it.")],
    words: Annotated[
        list[str], typer.Argument(metavar="HEADING=VALUE...", help="The sender's heading and the right text.")
    ],
    reason: Annotated[str, typer.Option(help="Why; required.")] = "",
    by: Annotated[str | None, typer.Option(help="Who corrects; the user when left out.")] = None,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Take corrections back: HEADING=, or only HEADING.")
    ] = False,
    json: Json = False,
) -> None:
    """Correct cells of a record; the record stays as sent, ./brain quarantine replay applies it."""
    from ingest.register import corrections
    from ingest.register.quarantine import record_of

    if not reason.strip():
        raise UsageError("say why: --reason TEXT is required and not empty")
    sent = record_of(row_id)
    who = getpass.getuser() if by is None else by
    texts = parse_cells(words, sent.headings, withdraw=withdraw)
    made = (
        corrections.withdraw(sent, texts, reason, who)
        if withdraw
        else corrections.correct(sent, texts, reason, who)
    )
    names = ("correction_number", "row_id", "heading", "old_text", "new_text", "correction_reason",
             "corrected_by", "corrected_at")  # fmt: skip
    rows = [{name: c[name] for name in names} for c in made]
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
    """Map anew what has corrections that were not applied yet, or whose mapping changed."""
    from ingest.ways import remap

    with console.stages(quiet=json) as progress:
        report = remap.replay([feed] if feed else None, progress)
    rows = [{name: value for name, value in vars(f).items() if name != "message"} for f in report.files]
    if json:
        console.as_json(rows)
    elif rows:
        console.show(rows, "重新映射的批次 Deliveries mapped anew")
    else:
        console.say("nothing to replay: every correction is applied, no mapping has changed")


def register(app: typer.Typer) -> None:
    """Add the group of commands to the command line."""
    told = "隔离记录 Quarantine: list, show, correct and replay records that broke their contract."
    add_group(app, "quarantine", told, list_, show, correct, replay)
