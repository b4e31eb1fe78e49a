"""``./brain export``: what leaves the platform as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from portal.cli import console
from portal.cli.options import Json, ReleaseNumber
from schemas.errors import UsageError

Folder = Annotated[Path | None, typer.Option("--to", help="Folder for the files; by default in the home.")]


def contracts(to: Folder = None, json: Json = False) -> None:
    """Write the contract of each published table as an ODCS 3.1 document.

    Programs that know the Open Data Contract Standard read them, and test the latest release against them.
    """
    from portal.exports import odcs
    from schemas.contract import published_contracts
    from warehouse.releases import last_release
    from warehouse.settings import settings

    folder = (to or settings().home / "exports" / "contracts").resolve()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--to {to}: this is a file; name a folder")
    folder.mkdir(parents=True, exist_ok=True)
    release = last_release()
    written = []
    for spec in published_contracts():
        database = release.file if release and spec.name in release.tables else None
        path = odcs.write(spec, folder, database)
        written.append({"table": spec.name, "zh": spec.title.zh, "en": spec.title.en, "file": str(path)})
    if json:
        console.as_json(written)
        return
    console.say(f"{len(written)} 份数据契约已导出 contracts exported to {folder}")
    if release is None:
        console.say("no release yet, so the documents name no server; ./brain publish makes one")


def district(
    code: Annotated[str, typer.Argument(help="District code, such as 330282.")],
    to: Annotated[Path | None, typer.Option("--to", help="File to write; by default in the home.")] = None,
    release: ReleaseNumber = None,
    json: Json = False,
) -> None:
    """Write a district's own DuckDB file: its rows of a release and no others.

    It holds what the offices of the district may see: no statistics of firms that do not consent.
    """
    from portal.exports import district as package
    from portal.exports.file_name import file_name
    from warehouse.releases import open_release
    from warehouse.settings import settings

    opened = open_release(release)
    name = file_name("district", code, release=opened.number, ending="duckdb", language="en")
    path = (to or settings().home / "exports" / name).resolve()
    if path.is_dir():
        raise UsageError(f"--to {to}: this is a folder; name a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = package.write(opened, code, path)
    if json:
        console.as_json([{"table": table, "rows": number} for table, number in rows.items()])
        return
    console.say(f"{sum(rows.values()):,} 行已导出 rows of {len(rows)} tables exported to {path}")


def register(app: typer.Typer) -> None:
    """Add the group of commands to the command line."""
    group = typer.Typer(
        help="Write contracts and data as files for others.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command()(contracts)
    group.command()(district)
    app.add_typer(group, name="export")
