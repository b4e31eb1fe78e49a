"""The command line: ``./brain …``. Exit codes: 0 done, 1 a failed gate or rejected input, 2 wrong usage."""

from __future__ import annotations

import errno
import getpass
import logging
import subprocess
import sys
import traceback
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from portal.cli import console, deliveries, quarantine
from schemas.errors import RejectedError, UsageError, UserError
from warehouse import access
from warehouse.settings import settings
from warehouse.state import is_disk_full

app = typer.Typer(
    help="宁波产业大脑 Ningbo Industrial Brain: feeds → tables → gate → release → SQL.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.add_typer(quarantine.app, name="quarantine")
app.add_typer(deliveries.app, name="deliveries")

#: Rows that a statement prints; --json gives all.
MAX_ROWS = 200

Json = Annotated[bool, typer.Option("--json", help="Print an array of objects, nothing else.")]


@app.command()
def setup() -> None:
    """Fetch what every command needs beside the Python environment; done by the launcher."""
    from warehouse import duck

    with duck.connect() as connection:
        duck.load_delta(connection)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Run the tests; arguments go to pytest. They need Java, which is installed where that may be done."""
    from warehouse.jars import JAR_SETS, ensure_jars
    from warehouse.settings import CHECKOUT, settings

    for name in JAR_SETS:  # here and not in a test, whose time is limited
        ensure_jars(settings(), name)
    done = subprocess.run([sys.executable, "-m", "pytest", *context.args], cwd=CHECKOUT, check=False)
    raise typer.Exit(done.returncode)


@app.command()
def demo(
    scale: Annotated[float, typer.Option(help="Size of the city; 1 is Ningbo's own.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Another seed is another city.")] = 2020,
    years: Annotated[
        list[int] | None, typer.Option(help="Consecutive years; give it once for each.", show_default=False)
    ] = None,
    stream: Annotated[
        bool, typer.Option(help="Instead: let the city's meters send to a broker, and take it in live.")
    ] = False,
    rate: Annotated[int, typer.Option(help="Readings a second, with --stream.", min=1)] = 2000,
    seconds: Annotated[float, typer.Option(help="How long the meters send, with --stream.", min=1)] = 60,
    json: Json = False,
) -> None:
    """Generate a synthetic city's files, run every DAG through Airflow, publish, and print what came out."""
    from demo_city.city import CitySpec, check_sent
    from ingest.register.expected import today_here
    from portal.cli import summary
    from portal.demo.run import LEAST_SCALE, run_demo

    if scale < LEAST_SCALE and not stream:
        raise UsageError(
            f"scale {scale}: give one from {LEAST_SCALE}; in a smaller city one planted fault tips the sums of a year, "
            "and the gate refuses them"
        )
    spec = CitySpec(scale, seed, tuple(sorted(years))) if years else CitySpec(scale, seed)
    check_sent(spec, today_here())
    if stream:
        _stream_demo(spec, rate, seconds, json)
        return
    with console.stages(quiet=json) as progress:
        report = run_demo(spec, progress)
    if json:
        console.as_json(summary.as_rows(report, progress.seconds))
    else:
        summary.show(report, progress.seconds)


def _stream_demo(spec: Any, rate: int, seconds: float, json: bool) -> None:
    from portal.cli import summary
    from portal.demo import live

    with console.stages(quiet=json) as progress:
        report = live.run_live(spec, rate, seconds, progress)
    row = {**vars(report), "lost": report.lost}
    if json:
        console.as_json([row])
    else:
        console.say(summary.SYNTHETIC)
        console.show([row], "十五分钟用电 Meter readings")
        console.say(
            "next: ./brain stream takes in what is sent; ./brain run and ./brain publish make a release of it"
        )
    if report.lost:
        raise RejectedError(f"{report.lost:,} readings were not taken in; run ./brain stream --once")


@app.command()
def up(json: Json = False) -> None:
    """Start the engine and Airflow in the background, on 127.0.0.1."""
    from portal.services import control
    from portal.services.orchestration import USER, password_file
    from warehouse.settings import settings

    with console.stages(quiet=json) as progress:
        airflow, is_new = control.up(progress)
    if json:
        console.as_json(control.status())
        return
    console.say(f"Airflow {'runs' if is_new else 'already runs'} at {airflow.address}")
    console.say(f"user {USER}, password in {password_file(settings())}")
    console.say(f"it takes in what lies in {settings().landing} or comes there, and makes a release of it")
    console.say("next: ./brain demo for a demo city, ./brain status, ./brain down")


@app.command()
def down() -> None:
    """Stop Airflow and the engine."""
    from portal.services import control

    with console.stages() as progress:
        stopped = control.down(progress)
    if stopped:
        console.say(f"stopped: {', '.join(stopped)}")


@app.command()
def status(json: Json = False) -> None:
    """What runs, on which port, what waits in the landing folder, and the last release."""
    from portal.services import control

    rows = control.status()
    if json:
        console.as_json(rows)
    else:
        for line in control.as_lines(rows):
            console.say(line)


@app.command()
def check(
    content: Annotated[
        bool,
        typer.Option("--content", help="Instead: the hash of each staged table's content, as it is now."),
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="HOME", help="With --content: fail where this home's tables hold something else."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Contracts, rule sets, suites and the job graph are well formed."""
    from portal.cli import check

    if against is not None:
        if not content:
            raise UsageError("--against goes with --content: ./brain check --content --against HOME")
        check.compare(against, lambda line: console.err.print(line, markup=False, soft_wrap=True))
    rows = check.content() if content else check.check_all()
    if json:
        console.as_json(rows)
    else:
        console.show(rows, "表内容 Content of the staged tables" if content else "定义检查 Definitions")


@app.command()
def ingest(
    feed: Annotated[str | None, typer.Argument(help="A feed, e.g. gov_tax; all feeds when left out.")] = None,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files to take in; their period is needed. With --from: more feeds."),
    ] = None,
    period: Annotated[
        str | None,
        typer.Option(
            help="Period of the named files, e.g. 2023 or 2024-03; without files: take in, or map anew, only this "
            "period's deliveries, a year with its months and days. With --from: only this one."
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="CONNECTION",
            help="Read the feeds, or all that have a table there, from the database of AIRFLOW_CONN_<CONNECTION>: "
            "postgres://user:password@host:port/database, or Airflow's JSON.",
            show_default=False,
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="With --from: read whole tables, whatever their watermarks say.")
    ] = False,
    replaces: Annotated[
        bool,
        typer.Option(
            "--replaces",
            help="It takes the place of what overlaps with its period: a year that of its months.",
        ),
    ] = False,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept", help="Let it count though more records are refused than the feed's band allows."
        ),
    ] = False,
    remap: Annotated[bool, typer.Option(help="Apply today's mapping to records taken in earlier.")] = False,
    infer: Annotated[
        Path | None, typer.Option(help="Propose a contract for an unknown file; nothing is taken in.")
    ] = None,
    write: Annotated[
        str | None, typer.Option(help="With --infer: put the proposal into schemas/raw/NAME.yml.")
    ] = None,
    json: Json = False,
) -> None:
    """Take in what lies in the landing folder, the named files, or what a database has."""
    if infer is not None:
        if feed or paths or period or remap or database:
            raise UsageError("--infer goes with one file and nothing else: ./brain ingest --infer FILE")
        _propose(infer, write, json)
        return
    accepted_by = getpass.getuser() if accept else None
    if write is not None:
        raise UsageError("--write goes with --infer: ./brain ingest --infer FILE --write NAME")
    if database is not None:
        if remap:
            raise UsageError(
                "--from and --remap are two commands: ./brain ingest --remap applies to what was read"
            )
        asked = [name for name in (feed, *map(str, paths or ())) if name]
        _pull(database, asked, json, period=period, full=full, replaces=replaces, accepted_by=accepted_by)
        return
    if remap and (replaces or accept):
        raise UsageError("--replaces and --accept go with what is taken in, not with --remap")
    if full:
        raise UsageError("--full goes with --from: ./brain ingest --from CONNECTION --full")
    from ingest.ways.landing import ingest as take_in
    from ingest.ways.remap import replay
    from schemas.contract import feed as feed_contract

    spec = feed_contract(feed) if feed else None
    drops = _drops_of(paths, spec, period, replaces) if paths else None
    names = [spec.table] if spec else None
    only = None if drops else period
    with console.stages(quiet=json) as progress:
        if remap:
            files = replay(names, progress, period=only).files
        else:
            files = take_in(
                names, drops, progress, period=only, replaces=replaces, accepted_by=accepted_by
            ).files
    nothing = "nothing new in the landing folder" + (f" for {only}" if only else "")
    _show_taken(files, "收到的文件 Files", nothing, json)


def _drops_of(paths: list[Path], spec: Any, period: str | None, replaces: bool) -> list[Any]:
    """The named files as drops, of a period that they may have."""
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
            f"of {spec.table} {period} the last file takes the place of the others; name one, or put them into the "
            'landing folder with manifests that name each one\'s "part"'
        )
    known = deliveries()
    seen = {row["delivery_id"] for row in known}
    try:
        for drop in drops:
            if drop.delivery_id not in seen:
                placed(drop, spec, known, said=replaces)
    except RejectedError as error:  # the command asks for what cannot be
        raise UsageError(str(error)) from None
    return drops


def _pull(name: str, feeds: list[str], json: bool, **how: Any) -> None:
    """Take in what a database has."""
    from ingest.ways.connections import connection_from_environment
    from ingest.ways.database import pull

    connection = connection_from_environment(name)
    with console.stages(quiet=json) as progress:
        report = pull(feeds or None, connection, progress, **how)
    if report.absent:
        console.err.print(f"no table in {name}: {', '.join(report.absent)}", markup=False, soft_wrap=True)
    _show_taken(report.files, "收到的数据 Tables", f"no feed has a table in {name}", json)


def _show_taken(files: list[Any], title: str, nothing: str, json: bool) -> None:
    rows: list[dict[str, Any]] = [vars(f) for f in files]
    if json:
        console.as_json(rows)
    elif rows:
        console.show(rows, title)
    else:
        console.say(nothing)
    for held in (f for f in files if f.state == "held"):
        console.err.print(f"brain: {held.file}: {held.message}", markup=False, soft_wrap=True)
    if any(f.state in ("rejected", "held") for f in files):
        raise typer.Exit(1)


@app.command("feeds")
def list_feeds(
    today: Annotated[
        str | None, typer.Option(help="As of this day, e.g. 2024-03-31; today when left out.")
    ] = None,
    json: Json = False,
) -> None:
    """Every feed: owner, cadence, what is expected by when, what came last, and whether it is overdue."""
    from ingest.register.entries import deliveries
    from ingest.register.expected import HEADINGS, as_row, expectations, today_here

    try:
        day = date.fromisoformat(today) if today else today_here()
    except ValueError:
        raise UsageError(f"--today {today}: give a day, e.g. 2024-03-31") from None
    found = expectations(deliveries(), day)
    rows = [as_row(expectation) for expectation in found]
    if json:
        console.as_json(rows)
        return
    console.show([{HEADINGS[k]: v for k, v in row.items()} for row in rows], "数据源 Feeds")
    missing = sum(expectation.is_missing for expectation in found)
    console.say(f"{missing} of {len(found)} feeds have not come in time" if missing else "no feed is overdue")


def _propose(path: Path, name: str | None, json: bool) -> None:
    """Print the two texts of a proposal as they are: they are YAML."""
    from ingest.proposal.infer import infer, write

    proposal = infer(path)
    written = write(name, proposal.contract) if name else None
    if json:
        console.as_json([proposal.as_row()])
        return
    if written is None:
        typer.echo(f"# --- schemas/raw/NAME.yml\n{proposal.contract}", nl=False)
    if proposal.fields:
        typer.echo(f"# --- new entries for fields.yml\n{proposal.fields}", nl=False)
    done = f"wrote {written}; " if written else ""
    console.err.print(f"{done}next: decide what is TODO, then ./brain check", markup=False, soft_wrap=True)


@app.command()
def stream(
    feeds: Annotated[
        list[str] | None,
        typer.Argument(help="Feeds, e.g. ent_meter_reading; all streamed ones when left out."),
    ] = None,
    every: Annotated[float, typer.Option(help="Seconds between two batches.", min=0)] = 5,
    seal: Annotated[
        float, typer.Option(help="Minutes after which what came in becomes a delivery.", min=0)
    ] = 15,
    at_once: Annotated[int, typer.Option(help="Records of a batch at most.", min=1)] = 200_000,
    once: Annotated[bool, typer.Option(help="Take in what there is, and end.")] = False,
    json: Json = False,
) -> None:
    """Keep taking in from Kafka (BRAIN_KAFKA) or the landing folder until stopped."""
    from datetime import timedelta

    from ingest.ways.stream import streamed
    from portal.services import streaming
    from schemas import contract
    from warehouse.settings import settings

    known = streamed(contract.feeds().values())
    specs = streamed(contract.feed(name) for name in feeds) if feeds else known
    if feeds and len(specs) < len(feeds):
        raise UsageError(
            f"not streamed: a feed without a topic; streamed are {', '.join(s.table for s in known)}"
        )
    with console.stages(quiet=json) as progress:

        def watch(batch: Any) -> None:
            progress(
                "stream", f"{batch.feed} {batch.records / max(batch.seconds, 1e-3):,.0f}/s", batch.records
            )

        def tell(line: str) -> None:
            console.err.print(line, markup=False)

        pause = None if once else every
        if settings().kafka:
            options = streaming.StreamOptions(pause, at_once, timedelta(minutes=seal))
            totals = streaming.stream_topics(specs, options, watch=watch, tell=tell)
        else:
            totals = streaming.stream_landing(specs, pause, watch=watch, tell=tell)
    rows = [{"feed": name, **vars(total)} for name, total in totals.items()]
    if json:
        console.as_json(rows)
    else:
        console.show(rows, "收到的记录 Records")


@app.command()
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


@app.command()
def publish(json: Json = False) -> None:
    """Let the gate judge the tables, and make them a release."""
    from pipeline.publish import publish as make_release
    from pipeline.publish import summary_of
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


@app.command("releases")
def list_releases(json: Json = False) -> None:
    """All releases; one that the disk has lost is told as such."""
    from pipeline.publish import summary_of
    from warehouse.releases import open_release, release_numbers

    rows, faults = [], []
    for number in release_numbers():
        try:
            rows.append(summary_of(open_release(number).manifest))
        except RejectedError as error:
            faults.append(str(error))
    if json:
        console.as_json(rows)
    else:
        console.show(rows, "版本 Releases")
    if faults:
        raise RejectedError("; ".join(faults))


@app.command()
def rollback(number: Annotated[int, typer.Argument(help="The release to go back to.")]) -> None:
    """Make an earlier release the latest one again."""
    from warehouse import releases

    release = releases.rollback(number)
    console.say(f"release {release.number} is release {number} again")


@app.command()
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
    import duckdb

    from warehouse import duck
    from warehouse.releases import open_release

    opened = open_release(release)
    if command is None:
        if sys.stdin.isatty():
            raise UsageError(
                f'give a statement with -c "…", or open {opened.file} with any DuckDB from 1.4 on'
            )
        command = sys.stdin.read()
    try:
        with duck.connect(opened.file, read_only=True) as connection:
            if unsafe:
                warn = "brain: --unsafe: this statement may read and write whatever you may"
                console.err.print(warn, markup=False)
            else:
                duck.lock(connection)
            rows = duck.fetch(connection, command)
    except duckdb.Error as error:
        raise RejectedError(f"SQL: {str(error).splitlines()[0]}") from None
    if json:
        console.as_json(rows)
    else:
        console.show(rows[:MAX_ROWS])
        if len(rows) > MAX_ROWS:
            console.say(f"共 {len(rows):,} 行，显示前 {MAX_ROWS} 行 of {len(rows):,} rows; --json prints all")


@app.command()
def explain(
    table: Annotated[str, typer.Argument(help="A published table, e.g. per_mu.enterprise_grade.")],
    words: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE... [COLUMN]", help="Which row, and which column.")
    ],
    release: Annotated[int | None, typer.Option(help="A release; the latest when left out.")] = None,
    json: Json = False,
) -> None:
    """Evidence for a row: what it was made from, down to files and row numbers."""
    from portal.cli import explain as explanation
    from warehouse.releases import open_release

    opened = open_release(release)
    found, lines, column = explanation.explain(opened, table, words)
    if json:
        console.as_json(explanation.as_rows(found))
    else:
        explanation.show(opened, found, lines, column)


@app.command()
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
    from warehouse.releases import open_release

    opened = open_release(release)
    with sheet.reading(opened) as query:
        matches, found = sheet.find(query, who)
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


@app.command()
def bench(
    name: Annotated[
        str, typer.Argument(help="What to measure: demo, ingest, stream, engine, ranking, chain, profile.")
    ] = "demo",
    scale: Annotated[
        float, typer.Option(help="Size of the city, the file or the stream; the areas are those of the home.")
    ] = 1.0,
    rows: Annotated[
        int | None, typer.Option(help="With ranking: enterprise-years; 10 million when left out.", min=1)
    ] = None,
    json: Json = False,
) -> None:
    """Measure the whole run, ingest, a stream, both engines, a large ranking, or an area's tables, beside a peer."""
    from benchmarks.commands import run_bench

    found = run_bench(name, scale, lambda line: console.err.print(line, markup=False), rows)
    if json:
        console.as_json(found)
    else:
        console.show(found, "基准 Benchmark")


def _told(error: Exception) -> str:
    """What went wrong, in one line: what the system refused, or what nobody expected, which goes to a log."""
    home = settings().home
    if is_disk_full(error):
        return (
            f"the disk of {home} is full; make room, and run it again: nothing that was told as done is lost"
        )
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{error.strerror}: {error.filename or home}; this user needs the right to it"
    first = (str(error).splitlines() or [""])[0][:200]
    line = f"this should not happen: {type(error).__name__}: {first}"
    log = settings().logs / "error.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return line
    return f"{line}; details in {log}"


class _Warnings(logging.Handler):
    """What a person is to know though the command goes on."""

    def emit(self, record: logging.LogRecord) -> None:
        console.err.print(f"brain: {record.getMessage()}", markup=False, soft_wrap=True)


def main() -> None:
    """Run a command; a user's failure is one line, and so is a warning."""
    logging.getLogger("brain").addHandler(_Warnings(logging.WARNING))
    try:
        access.close(settings())
        app()
    except UserError as error:
        console.err.print(f"brain: {error}", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except Exception as error:
        console.err.print(f"brain: {_told(error)}", markup=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        console.err.print("brain: stopped; run it again to go on")
        sys.exit(130)


if __name__ == "__main__":
    main()
