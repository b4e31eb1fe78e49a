"""``./brain procedure``: the yearly procedure of the per-mu evaluation."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from portal.cli import console
from portal.cli.holders import operator
from portal.cli.options import Json, add_group
from schemas.errors import UsageError

if TYPE_CHECKING:
    from portal.access.viewer import Viewer
    from portal.procedure.decisions import Decided
    from portal.queries.titles import Named

District = Annotated[str, typer.Argument(help="District code, such as 330282.")]
Year = Annotated[str, typer.Argument(help="Evaluation year, such as 2024.")]
Uscc = Annotated[str, typer.Argument(help="The firm's credit code.")]
As = Annotated[
    str,
    typer.Option(
        "--as", metavar="ACCOUNT", help="Account that decides; its role and district must allow it."
    ),
]
Document = Annotated[str, typer.Option(help="Number of the document (文号).")]


def list_(year: Year, json: Json = False) -> None:
    """List the districts with the step that is due."""
    from portal.queries.procedure import districts, places
    from portal.queries.release import reading
    from warehouse.releases import open_release

    with reading(open_release()) as query:
        rows = [
            {"district": place.district.code, "name": place.district.zh, "last": _words(place.last),
             "decided": place.decided, "due": _words(place.due), "planned": place.planned}
            for place in places(year, districts(query, year))
        ]  # fmt: skip
    _rows(rows, f"亩均评价工作流程 Procedure {year}", json)


def status(district: District, year: Year, json: Json = False) -> None:
    """Show where a district's year stands, with corrections that wait; says what no release has yet."""
    from portal.queries.procedure import chain, changed_grades
    from portal.queries.release import reading
    from warehouse.releases import open_release

    with reading(open_release()) as query:
        steps, changed = chain(query, district, year), changed_grades(query, district, year)
    rows = [
        {
            "step": row.code, "title": row.title.zh, "version": row.version, "state": row.state,
            "planned": row.planned, "decided": row.decided, "from": row.window_start, "to": row.window_end,
            "document": row.document, "records": row.records, "open": row.still_open, "silent": row.silent,
            "is_released": bool(row.decided) and not row.is_pending,
        }
        for row in steps
    ]  # fmt: skip
    if json:
        console.as_json(rows)
        return
    console.show(rows, f"亩均评价工作流程 Procedure {district} {year}")
    if changed:
        console.show(
            [
                {
                    "uscc": row.uscc,
                    "published": row.published,
                    "computed": row.computed,
                    "because": str(row.cause),
                }
                for row in changed
            ],
            "待更正发布 Corrections that wait for publication",
        )


def advance(
    district: District,
    year: Year,
    step: Annotated[str, typer.Argument(help="The step, such as land_publicity; status lists them.")],
    as_: As,
    document: Document = "",
    days: Annotated[int | None, typer.Option(help="Working days of the window.")] = None,
    start: Annotated[str | None, typer.Option(metavar="DATE", help="First day of the window.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Last day of the window, instead of --days.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why a published list is replaced.")] = "",
    json: Json = False,
) -> None:
    """Decide the next step of a district's year."""
    from portal.procedure import decisions

    done = decisions.advance(
        _account(as_), district, year, step, document=document, days=days, start=_day(start), until=_day(until),
        reason=reason,
    )  # fmt: skip
    _show(done, json)


def confirm(uscc: Uscc, year: Year, as_: As, document: Document = "", json: Json = False) -> None:
    """Confirm a firm's sheet (一企一单), as the firm or for it."""
    from portal.procedure import decisions

    _show(decisions.confirm(_account(as_), uscc, year, document=document), json)


def object_(
    uscc: Uscc,
    year: Year,
    kind: Annotated[str, typer.Argument(help="land, figure or grade.")],
    as_: As,
    evidence: Annotated[str, typer.Option(help="What proves it.")],
    indicator: Annotated[str, typer.Option(help="Of a figure: I1 to I22.")] = "",
    claimed: Annotated[str, typer.Option(help="The value that the firm holds to be right.")] = "",
    document: Document = "",
    json: Json = False,
) -> None:
    """Object to a firm's land, figure or grade, as the firm or for it."""
    from portal.procedure import decisions

    done = decisions.object_(
        _account(as_), uscc, year, kind, evidence, indicator=indicator, claimed=claimed, document=document
    )
    _show(done, json)


def decide(
    district: District,
    year: Year,
    objection: Annotated[str, typer.Argument(help="Number of the objection.")],
    decision: Annotated[str, typer.Argument(help="accepted or refused.")],
    as_: As,
    reason: Annotated[str, typer.Option(help="The reasons.")],
    value: Annotated[str, typer.Option(help="The value held to be right.")] = "",
    document: Document = "",
    json: Json = False,
) -> None:
    """Decide an objection."""
    from portal.procedure import decisions

    done = decisions.decide(
        _account(as_), district, year, objection, decision, reason, value=value, document=document
    )
    _show(done, json)


def adjust(
    uscc: Uscc,
    year: Year,
    grade: Annotated[str, typer.Argument(help="A, B, C or D.")],
    as_: As,
    reason: Annotated[str, typer.Option(help="Code of the reason, such as major_project.")],
    text: Annotated[str, typer.Option(help="The reason in words.")],
    document: Document = "",
    json: Json = False,
) -> None:
    """Change a firm's grade as the joint meeting decided."""
    from portal.procedure import decisions

    _show(decisions.adjust(_account(as_), uscc, year, grade, reason, text, document), json)


def notice(
    district: District,
    year: Year,
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write: .docx or .xlsx.")],
    document: Document = "",
    office: Annotated[str, typer.Option(help="Office that publishes.")] = "",
    telephone: Annotated[str, typer.Option(help="Where objections are taken.")] = "",
    address: Annotated[str, typer.Option(help="Where objections are taken.")] = "",
) -> None:
    """Write the public notice of a district's grades as a Word file, or its list as Excel."""
    from ingest.register.today import today
    from portal.exports.notice import Contact, sheet, write_word
    from portal.queries.notice import notice as content_of
    from portal.queries.release import is_synthetic, reading
    from warehouse.releases import open_release

    if out.suffix not in (".docx", ".xlsx"):
        raise UsageError(f"{out.name}: name a file that ends in .docx or .xlsx")
    release, contact = open_release(), Contact(document, office, telephone, address)
    with reading(release) as query:
        content, synthetic = content_of(query, district, year, release.number), is_synthetic(query)
    if not content.graded:
        raise UsageError(f"release {release.number} has no grades of {district} for {year}")
    with out.open("wb") as file:
        if out.suffix == ".docx":
            write_word(file, content, contact, today().day, is_synthetic=synthetic)
        else:
            sheet(content, contact, today().day, is_synthetic=synthetic).write(file)
    console.say(f"{out}: {len(content.graded)} graded, {len(content.ungraded)} without a grade")


def deliver(json: Json = False) -> None:
    """Write files of decisions that a kill left undelivered; every decision does so too."""
    from portal.procedure.delivery import deliver as write

    files = [{"file": str(path)} for path in write()]
    if json:
        console.as_json(files)
    else:
        console.show(files, "已送达 Delivered")


def _account(name: str) -> Viewer:
    """The account that decides, which must be active; the audit log has who used it from the command line."""
    from portal.accounts import audit, store

    found = store.account(name)
    if found.state in ("disabled", "expired"):
        raise UsageError(f"the account {name} is {found.state}; name one that is active")
    audit.record(operator(), "account.act_as", found.name)
    return found.viewer


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError(f"{text} is no day; write it like 2025-08-11") from None


def _words(named: Named | None) -> str | None:
    return str(named) if named else None


def _rows(rows: list[dict[str, Any]], heading: str, json: bool) -> None:
    if json:
        console.as_json(rows)
    else:
        console.show(rows, heading)


def _show(done: Decided, json: bool) -> None:
    record = {name: value for name, value in done.record.items() if value is not None}
    if json:
        console.as_json([{"feed": done.feed, **record}])
    else:
        pairs = [{"field": name, "value": str(value)} for name, value in record.items()]
        console.show(pairs, f"已决定 Decided {done.feed}")


def register(app: typer.Typer) -> None:
    """Add the group of commands to the command line."""
    help_ = "年度工作流程 The yearly procedure of the per-mu evaluation: where it stands, and its decisions."
    group = add_group(
        app, "procedure", help_, list_, status, advance, confirm, decide, adjust, notice, deliver
    )
    group.command("object")(object_)
