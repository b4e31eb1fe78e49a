"""``./brain run``, ``publish``, ``releases`` and ``rollback``: from what was taken in to a release."""

from __future__ import annotations

from typing import Annotated

import typer

from portal.cli import console
from portal.cli.options import Json
from schemas.errors import RejectedError


def run(
    names: Annotated[
        list[str] | None, typer.Argument(help="Areas or tables; everything when left out.")
    ] = None,
    period: Annotated[str | None, typer.Option(help="Only this period.")] = None,
    full: Annotated[bool, typer.Option(help="Make every period anew, stale or not.")] = False,
    json: Json = False,
) -> None:
    """Bring tables up to date: only what inputs, code or rules made stale."""
    from pipeline.run import run_tables

    with console.stages(quiet=json) as progress:
        report = run_tables(names or (), full=full, period=period, progress=progress)
    rows = [one.as_row() for one in report.tables]
    if json:
        console.as_json(rows)
    elif rows:
        shown = ("table", "rows", "seconds", "reason", "periods")
        console.show(
            [{name: row[name] for name in shown} for row in rows],
            f"更新的表 Tables made, {report.seconds:.1f} s",
        )
    else:
        console.say("everything is up to date")


def publish(json: Json = False) -> None:
    """Let the gate judge the tables, and make them a release."""
    from pipeline.manifest import summary_of
    from pipeline.publish import publish as make_release
    from portal.cli import summary

    with console.stages(quiet=json) as progress:
        report = make_release(progress)
    warned = report.warnings()
    row = {**summary_of(report.release.manifest), "is_new": report.is_new, "warnings": warned}
    if json:
        console.as_json([row])
        return
    summary.show_warnings(warned)
    if report.is_new:
        console.say(f"release {report.release.number}: {row['tables']} tables, {row['rows']:,} rows")
    else:
        console.say(f"nothing new since release {report.release.number}")


def list_releases(json: Json = False) -> None:
    """All releases; one that the disk has lost is told as such."""
    from portal.queries.releases import releases

    found = releases()
    if json:
        console.as_json(found.whole)
    else:
        console.show(found.whole, "版本 Releases")
    if found.faults:
        raise RejectedError("; ".join(found.faults))


def rollback(number: Annotated[int, typer.Argument(help="The release to go back to.")]) -> None:
    """Make an earlier release the latest one again."""
    from warehouse import releases

    release = releases.rollback(number)
    console.say(f"release {release.number} is release {number} again")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line, in the order of its help."""
    app.command()(run)
    app.command()(publish)
    app.command("releases")(list_releases)
    app.command()(rollback)
