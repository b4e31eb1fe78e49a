"""``./brain bench``: what the platform costs, beside peers on the same data."""

from __future__ import annotations

from typing import Annotated

import typer

from portal.cli import console
from portal.cli.options import Json


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
    from benchmarks import by_name

    found = by_name.run(name, scale, lambda line: console.err.print(line, markup=False), rows)
    if json:
        console.as_json(found)
    else:
        console.show(found, "基准 Benchmark")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line, in the order of its help."""
    app.command()(bench)
