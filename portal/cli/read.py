"""``./brain sql``, ``explain`` and ``card``: read a release."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portal.cli import console
from portal.cli.options import Json, ReleaseNumber
from schemas.errors import UsageError

if TYPE_CHECKING:
    from schemas.contract import Contract


#: Rows of a result that are printed; --json prints all.
MAX_ROWS = 200


def sql(
    command: Annotated[
        str | None, typer.Option("-c", help="One statement; read from standard input if omitted.")
    ] = None,
    release: ReleaseNumber = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Also give access to files, the network and extensions.")
    ] = False,
    json: Json = False,
) -> None:
    """Query a release with DuckDB SQL, read-only. The statement sees nothing but the release."""
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
        console.err.print("brain: --unsafe: this statement can read and write all that you can", markup=False)
    rows = rows_of(opened, command, is_unsafe=unsafe)
    if json:
        console.as_json(rows)
    else:
        console.show(rows[:MAX_ROWS])
        if len(rows) > MAX_ROWS:
            console.say(f"共 {len(rows):,} 行，显示前 {MAX_ROWS} 行 of {len(rows):,} rows; --json prints all")


def explain(
    table: Annotated[str, typer.Argument(help="Published table, e.g. per_mu.enterprise_grade.")],
    words: Annotated[
        list[str],
        typer.Argument(metavar="KEY=VALUE... [COLUMN]", help="The row's key; optionally one column to show."),
    ],
    release: ReleaseNumber = None,
    json: Json = False,
) -> None:
    """Trace a published row back to its source files and rows."""
    from portal.cli import evidence
    from portal.queries.explanation import explanation
    from schemas.contract import contract
    from warehouse.releases import open_release

    opened = open_release(release)
    where, column = parse_conditions(words, contract(table))
    explained = explanation(opened, table, where)
    if json:
        console.as_json(explained.as_rows())
    else:
        evidence.show(opened, explained, column)


def parse_conditions(words: Sequence[str], spec: Contract) -> tuple[dict[str, str], str | None]:
    """Key values and the column, if any, from ``KEY=VALUE… [COLUMN]``.

    Raises:
        UsageError: a name is no column of the table, two columns are named, or no key value is given.

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
    who: Annotated[
        str, typer.Argument(metavar="USCC", help="Unified social credit code, or part of a name.")
    ],
    year: Annotated[
        str | None, typer.Option(help="Year, e.g. 2023; the enterprise's latest year if omitted.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the sheet to this HTML file, for A4 paper and phones.")
    ] = None,
    release: ReleaseNumber = None,
    json: Json = False,
) -> None:
    """Show an enterprise's sheet: grade, trend, chains, tags, score. It also shows what would raise the grade."""
    from portal.card import screen, sheet
    from portal.queries.enterprise import find
    from portal.queries.release import reading
    from warehouse.releases import open_release

    opened = open_release(release)
    with reading(opened) as query:
        matches, total = find(query, who)
        if total == 1:
            [match] = matches
            gathered = sheet.gather(query, opened.number, match.uscc, year, match.found_by)
        elif html is not None:
            raise UsageError(f"{total:,} enterprises match {who}; --html needs exactly one: give its code")
        elif json:
            console.as_json([vars(match) for match in matches])
            return
        else:
            screen.show_matches(matches, total, who)
            return
    if html is not None:
        from portal.card import page

        page.write(gathered, html)
    if json:
        console.as_json([sheet.as_row(gathered)])
    elif html is not None:
        console.say(f"wrote {html}")
    else:
        screen.show(gathered)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line, in the order of its help."""
    app.command()(sql)
    app.command()(explain)
    app.command()(card)
