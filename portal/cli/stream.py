"""``./brain stream``: continuous ingestion."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from portal.cli import console
from portal.cli.options import Json
from schemas.errors import UsageError


def stream(
    feeds: Annotated[
        list[str] | None,
        typer.Argument(help="Feeds, e.g. ent_meter_reading; all streamed feeds if omitted."),
    ] = None,
    every: Annotated[float, typer.Option(help="Seconds between two batches.", min=0)] = 5,
    seal: Annotated[
        float, typer.Option(help="Minutes after which the ingested records become a delivery.", min=0)
    ] = 15,
    at_once: Annotated[int, typer.Option(help="Maximum records per batch.", min=1)] = 200_000,
    once: Annotated[bool, typer.Option(help="Ingest what is available, then end.")] = False,
    json: Json = False,
) -> None:
    """Ingest continuously from Kafka or the landing folder. Reads Kafka if BRAIN_KAFKA is set; Ctrl-C stops it."""
    from datetime import timedelta

    from ingest.ways.stream import streamed
    from portal.services import streaming
    from schemas import contract
    from warehouse.settings import settings

    known = streamed(contract.feeds().values())
    specs = streamed(contract.feed(name) for name in feeds) if feeds else known
    if feeds and len(specs) < len(feeds):
        raise UsageError(
            f"a feed without a Kafka topic cannot be streamed; streamed feeds: {', '.join(s.table for s in known)}"
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
        console.show(rows, "收到的记录 Records ingested")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line, in the order of its help."""
    app.command()(stream)
