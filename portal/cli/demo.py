"""``./brain demo``: a synthetic city from its files to a release, or its meter readings as a live stream."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from portal.cli import console
from portal.cli.options import Json
from schemas.errors import RejectedError, UsageError


def demo(
    scale: Annotated[float, typer.Option(help="Size of the city; 1 is the size of Ningbo.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Random seed; another seed gives another city.")] = 2020,
    years: Annotated[
        list[int] | None,
        typer.Option(help="Consecutive years; repeat the option for each.", show_default=False),
    ] = None,
    stream: Annotated[
        bool, typer.Option(help="Instead, send the city's meter readings to Kafka and ingest them live.")
    ] = False,
    rate: Annotated[int, typer.Option(help="With --stream: readings per second.", min=1)] = 2000,
    seconds: Annotated[float, typer.Option(help="With --stream: how long the meters send.", min=1)] = 60,
    json: Json = False,
) -> None:
    """Generate a synthetic city, run all DAGs, publish a release. Airflow runs in this process; a summary follows."""
    from demo_city.city import CitySpec, check_sent
    from ingest.register.expected import today_here
    from portal.cli import summary
    from portal.demo.run import LEAST_SCALE, run_demo

    if scale < LEAST_SCALE and not stream:
        raise UsageError(
            f"scale {scale}: give at least {LEAST_SCALE}; in a smaller city one planted fault distorts a year's sums, "
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
        console.say("next: ./brain run, then ./brain publish; ./brain stream ingests further readings")
    if report.lost:
        raise RejectedError(f"{report.lost:,} readings were not ingested; run ./brain stream --once")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line, in the order of its help."""
    app.command()(demo)
