"""``./brain sql``, ``explain`` and ``card``: what a release says."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portal.cli import console
from portal.cli.options import Json
from schemas.errors import UsageError

if TYPE_CHECKING:
    from schemas.contract import Contract


#: Rows that a statement prints; --json gives all.
MAX_ROWS = 200


def sql(
    command: Annotated[
        str | None, typer.Option("-c", help="One statement; standard input when left out.")
    ] = None,
    release: Annotated[int | None, typer.Option(help="A release; the latest when left out.")] = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Let the statement reach files, the network and extensions too.")
    ] = False,
    json: Json = False,
) -> None:
    """DuckDB on a release, read-only; it sees nothing but the release."""
    from portal.queries.statement import rows_of
    from warehouse.releases import open_release

    opened = open_release(release)
    if command is None:
        if sys.stdin.isatty():
            raise UsageError(
                f'give a statement with -c "…", or open {opened.file} with any DuckDB from 1.4 on'
            )
        command = sys.stdin.read()
    if unsafe:
        console.err.print("brain: --unsafe: this statement may read and write whatever you may", markup=False)
    rows = rows_of(opened, command, is_unsafe=unsafe)
    if json:
        console.as_json(rows)
    else:
        console.show(rows[:MAX_ROWS])
        if len(rows) > MAX_ROWS:
            console.say(f"共 {len(rows):,} 行，显示前 {MAX_ROWS} 行 of {len(rows):,} rows; --json prints all")


def explain(
    table: Annotated[str, typer.Argument(help="A published table, e.g. per_mu.enterprise_grade.")],
    words: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE... [COLUMN]", help="Which row, and which column.")
    ],
    release: Annotated[int | None, typer.Option(help="A release; the latest when left out.")] = None,
    json: Json = False,
) -> None:
    """Evidence for a row: what it was made from, down to files and row numbers."""
    from portal.cli import evidence
    from portal.queries.explanation import explanation
    from schemas.contract import contract
    from warehouse.releases import open_release

    opened = open_release(release)
    where, column = parse_conditions(words, contract(table))
    found = explanation(opened, table, where)
    if json:
        console.as_json(found.as_rows())
    else:
        evidence.show(opened, found, column)


def parse_conditions(words: Sequence[str], spec: Contract) -> tuple[dict[str, str], str | None]:
    """``KEY=VALUE…`` and at most one column.

    >>> from schemas.contract import contract
    >>> parse_conditions(["year=2023", "final_grade"], contract("per_mu.enterprise_grade"))
    ({'year': '2023'}, 'final_grade')
    """
    where, column = {}, None
    for word in words:
        name, equals, value = word.partition("=")
        spec.column(name)
        if equals:
            where[name] = value
        elif column is None:
            column = name
        else:
            raise UsageError(f"one column at a time: {column} or {name}")
    if not where:
        raise UsageError(f"say which row of {spec.name}: {' '.join(f'{k}=…' for k in spec.key)}")
    return where, column


def card(
    who: Annotated[str, typer.Argument(metavar="USCC", help="A credit code, or a part of a name.")],
    year: Annotated[
        str | None, typer.Option(help="A year, e.g. 2023; the enterprise's last one when left out.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the sheet as one page, for A4 paper and phones.")
    ] = None,
    release: Annotated[int | None, typer.Option(help="A release; the latest when left out.")] = None,
    json: Json = False,
) -> None:
    """One enterprise's sheet: who, grade and why, five years, chains, tags, scores, what would lift it."""
    from portal.card import screen, sheet
    from portal.queries.enterprise import find
    from portal.queries.release import reading
    from warehouse.releases import open_release

    opened = open_release(release)
    with reading(opened) as query:
        matches, found = find(query, who)
        if found == 1:
            made = sheet.gather(query, opened.number, matches[0].uscc, year)
        elif html is not None:
            raise UsageError(
                f"{found:,} enterprises have {who} in their names; --html needs one: give its code"
            )
        elif json:
            console.as_json([vars(match) for match in matches])
            return
        else:
            screen.show_matches(matches, found, who)
            return
    if html is not None:
        from portal.card import page

        page.write(made, html)
    if json:
        console.as_json([sheet.as_row(made)])
    elif html is not None:
        console.say(f"wrote {html}")
    else:
        screen.show(made)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line, in the order of its help."""
    app.command()(sql)
    app.command()(explain)
    app.command()(card)
