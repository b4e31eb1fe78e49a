"""``./brain bench``: time and memory of the platform, compared with peers on the same data."""

from __future__ import annotations

from typing import Annotated

import typer

from portal.cli import console
from portal.cli.options import Json


def bench(
    name: Annotated[
        str,
        typer.Argument(
            help="Benchmark: demo, ingest, stream, engine, ranking, chain, profile, per_mu or portal."
        ),
    ] = "demo",
    scale: Annotated[
        float,
        typer.Option(help="Factor for the size of the data; not with those that measure this home."),
    ] = 1.0,
    rows: Annotated[
        int | None,
        typer.Option(help="With ranking and per_mu: enterprise-years; 10 million if omitted.", min=1),
    ] = None,
    json: Json = False,
) -> None:
    """Run a benchmark and compare it with a peer. engine, chain, profile, per_mu and portal measure this home."""
    from benchmarks import by_name

    figures = by_name.run(name, scale, lambda line: console.err.print(line, markup=False), rows)
    if json:
        console.as_json(figures)
    else:
        console.show(figures, "性能基准 Benchmark")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line, in the order of its help."""
    app.command()(bench)
