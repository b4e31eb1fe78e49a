"""``./brain run``, ``publish``, ``releases`` and ``rollback``: from ingested records to a release."""

from __future__ import annotations

from typing import Annotated

import typer

from portal.cli import console
from portal.cli.options import Json, Period
from schemas.errors import RejectedError


def run(
    names: Annotated[
        list[str] | None, typer.Argument(help="Areas or tables, with their inputs; all if omitted.")
    ] = None,
    period: Period = None,
    full: Annotated[bool, typer.Option(help="Rebuild every period, stale or not.")] = False,
    json: Json = False,
) -> None:
    """Rebuild tables whose inputs, code or rules changed. Only the periods concerned are rebuilt."""
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
            f"更新的表 Tables rebuilt, {report.seconds:.1f} s",
        )
    else:
        console.say("all tables are up to date")


def publish(json: Json = False) -> None:
    """Run the quality gate and publish the tables as a release."""
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
        console.say(
            f"published release {report.release.number}: {row['tables']} tables, {row['rows']:,} rows"
        )
    else:
        console.say(f"nothing new since release {report.release.number}")


def list_releases(json: Json = False) -> None:
    """List all releases and report damaged ones."""
    from portal.queries.releases import releases

    known = releases()
    if json:
        console.as_json(known.whole)
    else:
        console.show(known.whole, "版本 Releases")
    if known.faults:
        raise RejectedError("; ".join(known.faults))


def rollback(number: Annotated[int, typer.Argument(help="Number of the release to return to.")]) -> None:
    """Return to an earlier release by publishing it again. It gets a new number."""
    from warehouse import releases

    release = releases.rollback(number)
    console.say(f"release {release.number} now has the content of release {number}")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line, in the order of its help."""
    app.command()(run)
    app.command()(publish)
    app.command("releases")(list_releases)
    app.command()(rollback)
