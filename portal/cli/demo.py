"""``./brain demo``: a synthetic city from its files to a release, its meter readings as a live stream, or its aims."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from portal.cli import console
from portal.cli.options import Json
from schemas.errors import RejectedError, UsageError


def demo(
    scale: Annotated[float, typer.Option(help="Size of the city; 1 is the size of Ningbo.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Random seed; another seed gives another city.")] = 2020,
    until: Annotated[
        str | None,
        typer.Option(
            help="The city's today, e.g. 2025-08-15: files are sent up to this day, and a later day adds to them. "
            "If omitted, the home's day; in a new home 2025-07-01, when 2024 is complete.",
            show_default=False,
        ),
    ] = None,
    stream: Annotated[
        bool, typer.Option(help="Instead, send the city's meter readings to Kafka and ingest them live.")
    ] = False,
    rate: Annotated[int, typer.Option(help="With --stream: readings per second.", min=1)] = 2000,
    seconds: Annotated[float, typer.Option(help="With --stream: how long the meters send.", min=1)] = 60,
    aims: Annotated[
        bool, typer.Option(help="Instead, set the city beside what it was aimed at; nothing is written.")
    ] = False,
    json: Json = False,
) -> None:
    """Generate a synthetic city, run all DAGs, publish a release. Airflow runs in this process; a summary follows."""
    if aims:
        if stream or until:
            raise UsageError("--aims takes neither --stream nor --until: it builds every year in memory")
        _aims_of(seed, scale, json)
        return
    from demo_city.city import CitySpec
    from portal.cli import summary
    from portal.demo.day import check_home, day_of
    from portal.demo.run import LEAST_SCALE, run_demo

    if scale < LEAST_SCALE and not stream:
        raise UsageError(
            f"scale {scale}: give at least {LEAST_SCALE}; in a smaller city one planted fault distorts a year's sums, "
            "and the gate refuses them"
        )
    spec = CitySpec(scale, seed, until=day_of(until))
    check_home(spec)
    if stream:
        _stream_demo(spec, rate, seconds, json)
        return
    with console.stages(quiet=json) as progress:
        report = run_demo(spec, progress)
    if json:
        console.as_json(summary.as_rows(report, progress.seconds))
    else:
        summary.show(report, progress.seconds)


def _aims_of(seed: int, scale: float, json: bool) -> None:
    from demo_city.aims.comparison import city_for_aims, compare_with_aims
    from demo_city.aims.page import cells
    from demo_city.aims.page import summary as in_short
    from portal.cli import summary

    compared = compare_with_aims(city_for_aims(seed, scale))
    if json:
        console.as_json([row for _, outcomes in compared for outcome in outcomes for row in outcome.rows()])
    else:
        console.say(summary.SYNTHETIC)
        for group, outcomes in compared:
            console.show([cells(outcome) for outcome in outcomes], f"{group.title.zh} {group.title.en}")
    if missed := [outcome.aim.key for _, outcomes in compared for outcome in outcomes if outcome.missed]:
        raise RejectedError(f"{in_short(compared)}; missed: {', '.join(missed)}")


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
        console.say("next: ./brain run, then ./brain publish; ./brain stream ingests further readings")
    if report.lost:
        raise RejectedError(f"{report.lost:,} readings were not ingested; run ./brain stream --once")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line, in the order of its help."""
    app.command()(demo)
