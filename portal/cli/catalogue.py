"""``./brain tables`` and ``describe``: what a release contains, and what its columns mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from portal.cli import console
from portal.cli.options import Json, ReleaseNumber


def tables(release: ReleaseNumber = None, json: Json = False) -> None:
    """List the tables of a release with titles and rows."""
    from portal.queries import catalogue
    from portal.queries.release import reading
    from warehouse.releases import open_release

    opened = open_release(release)
    with reading(opened) as query:
        rows = [vars(entry) for entry in catalogue.tables(query)]
    if json:
        console.as_json(rows)
        return
    console.show(rows, f"版本 {opened.number} 的数据表 Tables of release {opened.number}")
    console.say('next: ./brain describe TABLE, ./brain sql -c "from TABLE limit 5"')


def describe(
    table: Annotated[str, typer.Argument(help="Table of the release, e.g. per_mu.enterprise_grade.")],
    release: ReleaseNumber = None,
    json: Json = False,
) -> None:
    """Show a table's columns with type, unit, titles, meaning, code list, sensitivity and what each is made of."""
    from portal.queries import catalogue
    from portal.queries.release import reading
    from warehouse.releases import open_release

    opened = open_release(release)
    with reading(opened) as query:
        rows = [vars(entry) for entry in catalogue.columns(query, table)]
    if json:
        console.as_json(rows)
        return
    console.show([row | {"made_of": told(row["made_of"])} for row in rows], f"数据字典 Columns of {table}")
    if any(row["code_list"] for row in rows):
        console.say(f"codes of a list: ./brain sql -c \"from release.code where list = '{_a_list(rows)}'\"")


def told(made_of: Sequence[str], most: int = 3) -> str:
    """What a column is made of, cut to some names; ``--json`` has them all.

    >>> told(["core.parcel.year", "core.parcel.land_area_mu", "core.enterprise.uscc"], most=2)
    'core.parcel.year, core.parcel.land_area_mu, +1'
    """
    more = f"+{len(made_of) - most}" if len(made_of) > most else ""
    return ", ".join([*made_of[:most], *([more] if more else [])])


def _a_list(rows: list[dict[str, Any]]) -> str:
    return next(str(row["code_list"]) for row in rows if row["code_list"])


def register(app: typer.Typer) -> None:
    """Add the commands to the command line, in the order of its help."""
    app.command()(tables)
    app.command()(describe)
