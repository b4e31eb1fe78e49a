"""``./brain ingest``: named files, the landing folder, a database, or mapping again; a function for each."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from portal.cli import console
from portal.cli.options import Json
from schemas.errors import RejectedError, UsageError

if TYPE_CHECKING:
    from ingest.register.deliveries import Drop
    from ingest.ways.run import FileReport
    from schemas.contract import Feed


def ingest(
    feed: Annotated[str | None, typer.Argument(help="Feed, e.g. gov_tax; all feeds if omitted.")] = None,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files to ingest; they need --period. With --from: further feeds."),
    ] = None,
    period: Annotated[
        str | None,
        typer.Option(
            help="Period of the named files, e.g. 2023 or 2024-03. Without files: ingest or remap only deliveries of "
            "this period; a year includes its months and days. With --from: read only this period."
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="CONNECTION",
            help="Read from the database that AIRFLOW_CONN_<CONNECTION> names, as "
            "postgres://user:password@host:port/database or Airflow's JSON. All feeds with a table there if FEED is "
            "omitted.",
            show_default=False,
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="With --from: ignore watermarks and read complete tables.")
    ] = False,
    replaces: Annotated[
        bool,
        typer.Option(
            "--replaces",
            help="Replace current deliveries of overlapping periods: a year replaces its months.",
        ),
    ] = False,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept",
            help="Accept the delivery even if more records are refused than quarantine_band allows.",
        ),
    ] = False,
    remap: Annotated[
        bool, typer.Option(help="Apply the current mapping to records ingested earlier.")
    ] = False,
    infer: Annotated[
        Path | None, typer.Option(help="Propose a contract for an unknown file; nothing is ingested.")
    ] = None,
    write: Annotated[
        str | None, typer.Option(help="With --infer: write the proposal to schemas/raw/NAME.yml.")
    ] = None,
    json: Json = False,
) -> None:
    """Ingest the landing folder, named files, or a database."""
    _check_options(
        infers=infer is not None,
        writes=write is not None,
        pulls=database is not None,
        remaps=remap,
        names=bool(feed or paths or period or remap or database),
        is_full=full,
        says_how=replaces or accept,
    )
    how = {"replaces": replaces, "accepted_by": getpass.getuser() if accept else None}
    if infer is not None:
        _propose(infer, write, json)
    elif database is not None:
        asked = [name for name in (feed, *map(str, paths or ())) if name]
        _pull(database, asked, json, period=period, full=full, **how)
    else:
        _take(feed, paths or [], period, json, remap=remap, **how)


def _check_options(
    *, infers: bool, writes: bool, pulls: bool, remaps: bool, names: bool, is_full: bool, says_how: bool
) -> None:
    """Refuse options that contradict each other.

    Raises:
        UsageError: two options contradict each other; the line names them.
    """
    takes = not infers and not pulls
    refusals = {
        "--infer takes one file and nothing else: ./brain ingest --infer FILE": infers and names,
        "--write needs --infer: ./brain ingest --infer FILE --write NAME": writes and not infers,
        "--from and --remap exclude each other: run ./brain ingest --remap after reading the database": (
            pulls and remaps and not infers
        ),
        "--replaces and --accept apply to new deliveries, not to --remap": takes and remaps and says_how,
        "--full needs --from: ./brain ingest --from CONNECTION --full": takes and is_full,
    }
    for refusal, applies in refusals.items():
        if applies:
            raise UsageError(refusal)


# --- files and the landing folder ----------------------------------------------------------------------


def _take(
    feed: str | None, paths: Sequence[Path], period: str | None, json: bool, *, remap: bool, **how: Any
) -> None:
    """Ingest the named files or the landing folder, or map ingested records again."""
    from schemas.contract import feed as feed_contract

    spec = feed_contract(feed) if feed else None
    names = [spec.table] if spec else None
    drops = _drops_of(paths, spec, period, how["replaces"]) if paths else None
    only = None if drops else period
    with console.stages(quiet=json) as progress:
        if remap:
            files = _mapped_again(names, only, progress)
        elif drops:
            files = _from_files(names, drops, progress, **how)
        else:
            files = _from_folder(names, only, progress, **how)
    where = "all records have the current mapping" if remap else "nothing new in the landing folder"
    nothing = where + (f" for {only}" if only else "")
    _show_taken(files, "收到的文件 Files", nothing, json)


def _from_files(
    names: list[str] | None, drops: list[Drop], progress: console.Stages, **how: Any
) -> list[FileReport]:
    from ingest.ways import landing

    return landing.ingest(names, drops, progress, **how).files


def _from_folder(
    names: list[str] | None, period: str | None, progress: console.Stages, **how: Any
) -> list[FileReport]:
    from ingest.ways import landing

    return landing.ingest(names, None, progress, period=period, **how).files


def _mapped_again(names: list[str] | None, period: str | None, progress: console.Stages) -> list[FileReport]:
    from ingest.ways import remap

    return remap.replay(names, progress, period=period).files


def _drops_of(paths: Sequence[Path], spec: Feed | None, period: str | None, replaces: bool) -> list[Drop]:
    """The named files as drops.

    Raises:
        UsageError: the feed or period is not named, or the files cannot be deliveries of that period.
        RejectedError: a file does not exist.
    """
    from ingest.register.entries import deliveries
    from ingest.register.placing import placed
    from ingest.ways.manifest import drop_of_file
    from schemas.periods import check_named

    if spec is None or period is None:
        raise UsageError("name the feed and the period of a file: ./brain ingest FEED FILE --period 2023")
    check_named(period, spec)
    drops = [drop_of_file(path, spec, period) for path in paths]
    if spec.delivery == "snapshot" and len({drop.delivery_id for drop in drops}) > 1:
        raise UsageError(
            f"{spec.table} {period}: the last file would replace the others; name one file, or put them into the "
            'landing folder with manifests that give each its own "part"'
        )
    known = deliveries()
    seen = {row["delivery_id"] for row in known}
    try:
        for drop in drops:
            if drop.delivery_id not in seen:
                placed(drop, spec, known, said=replaces)
    except RejectedError as error:  # the command asks for the impossible
        raise UsageError(str(error)) from None
    return drops


# --- a database ----------------------------------------------------------------------------------------


def _pull(name: str, feeds: Sequence[str], json: bool, **how: Any) -> None:
    """Ingest from a database."""
    from ingest.ways.connections import connection_from_environment
    from ingest.ways.database import pull

    connection = connection_from_environment(name)
    with console.stages(quiet=json) as progress:
        report = pull(list(feeds) or None, connection, progress, **how)
    if report.absent:
        console.err.print(f"no table in {name}: {', '.join(report.absent)}", markup=False, soft_wrap=True)
    _show_taken(report.files, "收到的数据 Tables", f"no feed has a table in {name}", json)


def _show_taken(files: Sequence[Any], title: str, nothing: str, json: bool) -> None:
    """Print the ingested files or tables.

    Raises:
        Exit: a delivery was rejected or is held.
    """
    rows: list[dict[str, Any]] = [vars(f) for f in files]
    if json:
        console.as_json(rows)
    elif rows:
        console.show(rows, title)
    else:
        console.say(nothing)
    refused = [f for f in files if f.state in ("rejected", "held")]
    for one in refused:  # a narrow terminal omits the table's last columns
        console.err.print(f"brain: {one.file}: {one.message}", markup=False, soft_wrap=True)
    if refused:
        raise typer.Exit(1)


# --- an unknown file -----------------------------------------------------------------------------------


def _propose(path: Path, name: str | None, json: bool) -> None:
    """Print a proposal's two YAML texts unchanged."""
    from ingest.proposal.infer import infer, write

    proposal = infer(path)
    written = write(name, proposal.contract) if name else None
    if json:
        console.as_json([proposal.as_row()])
        return
    if written is None:
        typer.echo(f"# --- schemas/raw/NAME.yml\n{proposal.contract}", nl=False)
    if proposal.fields:
        typer.echo(
            f"# --- new entries for the field dictionary, fields.yml beside raw/\n{proposal.fields}", nl=False
        )
    done = f"wrote {written}; " if written else ""
    console.err.print(f"{done}next: decide what is TODO, then ./brain check", markup=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(ingest)
