"""``./brain quarantine``: what is in quarantine, why, and what people correct of it."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

from portal.cli import console
from schemas.coded import title, titled
from schemas.contract import Contract
from schemas.errors import UsageError

app = typer.Typer(
    help="隔离记录 Quarantine: list, show, correct and replay records that broke their contract.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print an array of objects, nothing else.")]
Feed = Annotated[str | None, typer.Argument(help="A feed, e.g. gov_tax; all feeds when left out.")]
Reason = Annotated[
    str | None, typer.Option(help="A reason (power_kwh:type), a column (power_kwh) or a rule (type).")
]

#: Of what has no cell of its own the beginning is shown.
EXAMPLE_LENGTH = 60


def in_words(reason: str, spec: Contract) -> tuple[str, str]:
    """A reason in Chinese and in English.

    >>> from schemas.contract import feed
    >>> in_words("power_kwh:type", feed("gov_electricity"))
    ('用电量不是规定类型的值', 'Electricity used is no value of its type')
    """
    name, _, rule = reason.partition(":")
    rules = titled("quarantine_rule")
    if name in spec.column_names and rule in rules:
        column = spec.column(name)
        return f"{column.zh}{rules[rule].zh}", f"{column.en} {rules[rule].en}"
    given = title("quarantine_reason", reason)
    return given.zh, given.en


def meets(reasons: Iterable[str], wanted: str | None) -> list[str]:
    """Those of the reasons that a person asks for, by reason, column or rule."""
    return [r for r in reasons if wanted is None or wanted == r or wanted in r.split(":")]


# --- list --------------------------------------------------------------------------------------------


@app.command("list")
def list_(
    feed: Feed = None,
    reason: Reason = None,
    period: Annotated[str | None, typer.Option(help="Only this period.")] = None,
    json: Json = False,
) -> None:
    """Records in quarantine now, counted by feed, period, reason and file; a record with two reasons counts twice."""
    rows = counts(feed, reason, period)
    if json:
        console.as_json(rows)
    elif rows:
        console.show(rows, "隔离记录 In quarantine")
        console.say("next: ./brain quarantine show FEED --reason REASON")
    else:
        console.say("nothing is in quarantine" + (" that meets this" if feed or reason or period else ""))


def counts(name: str | None, reason: str | None, period: str | None) -> list[dict[str, Any]]:
    """One row per feed, period, reason and file, with the first record's cell; the most frequent first."""
    from ingest.register.corrections import corrections
    from ingest.register.quarantine import quarantined

    made = corrections()
    found: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    for sent in quarantined(name):
        if period not in (None, sent.row["period"]):
            continue
        for why in meets(sent.row["reasons"], reason):
            key = (sent.spec.table, sent.row["period"], why, sent.row["source_file"])
            if key not in found:
                zh, en = in_words(why, sent.spec)
                found[key] = {
                    "feed": key[0], "period": key[1], "reason": why, "records": 0, "pending": 0,
                    "zh": zh, "en": en, "example": _example(sent, why), "file": key[3],
                }  # fmt: skip
            found[key]["records"] += 1
            found[key]["pending"] += bool(_pending(sent, made))
    return sorted(
        found.values(), key=lambda r: (r["feed"], r["period"], -r["records"], r["reason"], r["file"])
    )


def _example(sent: Any, reason: str) -> str:
    """The cell that a reason speaks of, or the beginning of the record."""
    source, name = sent.spec.source, reason.partition(":")[0]
    if reason == "key:duplicate":
        return str(sent.row["record_key"] or "")
    heading = source.mapping[name].heading if name in source.mapping else None
    if name == "period" and source.period_from:
        heading = source.period_from.heading
    if heading is not None and sent.cells:
        return str(sent.cells.get(heading, ""))[:EXAMPLE_LENGTH]
    return " ".join(sent.row["source_record"])[:EXAMPLE_LENGTH]


def _of_record(sent: Any, made: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    of_delivery = made.get(sent.row["delivery_id"], [])
    return [c for c in of_delivery if (c["source_file"], c["source_row"]) == sent.place]


def _pending(sent: Any, made: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Corrections of a record that came after it was mapped last."""
    upto = sent.delivery.get("corrected_upto") or 0
    return [c for c in _of_record(sent, made) if c["correction_number"] > upto]


# --- show --------------------------------------------------------------------------------------------


@app.command()
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
    rows, total = records(feed, reason, file, row, limit)
    if json:
        console.as_json(rows)
        return
    for found in rows:
        _print_record(found)
    if not rows:
        console.say("no such record")
    elif total > len(rows):
        console.say(f"共 {total:,} 条，显示前 {len(rows)} 条 of {total:,} records; --limit shows more")


def records(
    name: str | None, reason: str | None, file: str | None, number: int | None, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """The records for programs, at most ``limit``, and how many there are."""
    from ingest.register.corrections import corrections
    from ingest.register.quarantine import quarantined, records_at

    made = corrections()
    accepted_as_well = name is not None and number is not None and reason is None
    chosen = records_at(name or "", file, number or 0) if accepted_as_well else quarantined(name)
    rows: list[dict[str, Any]] = []
    total = 0
    for sent in chosen:
        at = file in (None, sent.row["source_file"]) and number in (None, sent.row["source_row"])
        if at and (accepted_as_well or meets(sent.row["reasons"], reason)):
            total += 1
            if len(rows) < limit:
                rows.append(_as_row(sent, made))
    return rows, total


def _as_row(sent: Any, made: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    reasons = [(r, *in_words(r, sent.spec)) for r in sent.row.get("reasons", ())]
    pending = {c["correction_number"] for c in _pending(sent, made)}
    told = ("correction_number", "heading", "old_text", "new_text", "is_withdrawn", "correction_reason",
            "corrected_by", "corrected_at")  # fmt: skip
    return {
        "row_id": sent.row["row_id"],
        "feed": sent.spec.table,
        "period": sent.row["period"],
        "file": sent.row["source_file"],
        "row": sent.row["source_row"],
        "state": "quarantined" if reasons else "accepted",
        "record": sent.cells or sent.row["source_record"],
        "reasons": [{"reason": r, "zh": zh, "en": en} for r, zh, en in reasons],
        "corrections": [
            {**{n: c[n] for n in told}, "is_applied": c["correction_number"] not in pending}
            for c in _of_record(sent, made)
        ],
    }


def _print_record(row: Mapping[str, Any]) -> None:
    from portal.cli.explain import told

    console.heading(f"{row['row_id']} · {row['feed']} {row['period']} · {row['file']} 第 {row['row']} 行")
    record = row["record"]
    if isinstance(record, Mapping):
        new = {c["heading"]: c["new_text"] or "" for c in row["corrections"]}
        console.show(
            [{"表头 heading": h, "sent": t, **({"corrected": new.get(h, "")} if new else {})}
             for h, t in {**record, **{h: record.get(h, "") for h in new}}.items()]
        )  # fmt: skip
    else:
        console.say("  " + " ".join(record))
    for reason in row["reasons"]:
        console.say(f"  隔离 {reason['zh']} · {reason['en']} ({reason['reason']})")
    for correction in row["corrections"]:
        state = "已生效 applied" if correction["is_applied"] else "待重放 not replayed yet"
        console.say(f"  更正 {told(correction)} · {state}")


# --- correct and replay ------------------------------------------------------------------------------


@app.command()
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


@app.command()
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
