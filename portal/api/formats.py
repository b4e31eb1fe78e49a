"""Formats of answers: JSON in pages, and CSV, Parquet and Arrow as streams of any length in bounded memory."""

from __future__ import annotations

import io
import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from itertools import chain
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import msgspec
from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from portal.api.problems import Problem
from portal.api.selection import Selection
from portal.queries.release import Query
from warehouse.duck import literal
from warehouse.settings import settings

if TYPE_CHECKING:
    import pyarrow as pa

JSON = "application/json"
LINES = "application/x-ndjson"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
ARROW = "application/vnd.apache.arrow.stream"
#: Formats of rows, the first where a request accepts any.
FORMATS = (JSON, CSV, PARQUET, ARROW)
#: Endings of file names.
ENDINGS = {CSV: "csv", PARQUET: "parquet", ARROW: "arrows", LINES: "jsonl"}
#: Rows of a batch and a row group: the widest table has 146 columns, and two are written at a time.
BATCH_ROWS = 8_192
GROUP_ROWS = 30_000
_CHUNK = 1 << 18
_BOM = b"\xef\xbb\xbf"

_encoder = msgspec.json.Encoder(decimal_format="number")


def encoded(value: Any) -> bytes:
    """JSON with decimals as exact numbers."""
    return _encoder.encode(value)


def accepted(request: Request, formats: Iterable[str]) -> str:
    """The format that a request prefers among those that a resource has.

    Raises:
        Problem: 406, it has none that the request accepts.
    """
    formats = tuple(formats)
    header = request.headers.get("accept", "*/*")
    if header in ("*/*", ""):
        return formats[0]
    weights = dict(_weights(header))
    found = [(_weight(weights, known), -place) for place, known in enumerate(formats)]
    weight, place = max(found)
    if not weight:
        raise Problem(
            406, "not-acceptable", f"这里没有所要的格式；可选 {'、'.join(formats)}。",
            f"There is no such format here; there are {', '.join(formats)}.", formats=list(formats),
        )  # fmt: skip
    return formats[-place]


def _weights(header: str) -> Iterator[tuple[str, float]]:
    """
    >>> list(_weights("text/csv, */*;q=0.1"))
    [('text/csv', 1.0), ('*/*', 0.1)]
    """
    for part in header.lower().split(","):
        name, *parameters = (text.strip() for text in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        yield name, weight if 0 <= weight <= 1 else 0.0


def _weight(weights: dict[str, float], known: str) -> float:
    names = (known, f"{known.partition('/')[0]}/*", "*/*")
    return next((weights[name] for name in names if name in weights), 0.0)


# --- rows as parts of a stream ---------------------------------------------------------------------------


def statement(pick: Selection, form: str) -> str:
    """SQL of a selection's rows. Without an order and a limit they come as the file has them, so none is sorted."""
    table = pick.table
    as_column = table.in_csv if form == CSV else table.as_it_is
    columns = ", ".join(map(as_column, pick.columns))
    is_sorted = pick.is_ordered or pick.limit is not None or pick.after
    limit = f" LIMIT {pick.limit}" if pick.limit is not None else ""
    return f"SELECT {columns} FROM {table.spec.name}{pick.where}{pick.order_by if is_sorted else ''}{limit}"


def csv_parts(query: Query, sql: str, with_bom: bool) -> Iterator[bytes]:
    """A header and the rows of a statement."""
    import pyarrow.csv as pa_csv

    reader = query.connection.execute(sql).to_arrow_reader(BATCH_ROWS)
    sink = io.BytesIO()
    options = pa_csv.WriteOptions(include_header=True, quoting_style="needed")
    with pa_csv.CSVWriter(sink, reader.schema, write_options=options) as writer:
        yield (_BOM if with_bom else b"") + _taken(sink)
        for batch in reader:
            writer.write_batch(batch)
            yield _taken(sink)


def arrow_parts(query: Query, sql: str) -> Iterator[bytes]:
    """The rows of a statement as an Arrow IPC stream."""
    import pyarrow as pa

    reader: pa.RecordBatchReader = query.connection.execute(sql).to_arrow_reader(BATCH_ROWS)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, reader.schema) as writer:
        yield _taken(sink)
        for batch in reader:
            writer.write_batch(batch)
            yield _taken(sink)
    yield _taken(sink)


def _taken(sink: io.BytesIO) -> bytes:
    """What was written since the last time."""
    written = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return written


def parquet_parts(query: Query, sql: str, release: int, table: str) -> Iterator[bytes]:
    """The rows of a statement as a Parquet file, which DuckDB writes whole; it has no name while it is sent."""
    folder = settings().home / "portal" / "exports"
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, suffix=".parquet", delete=False) as file:
        try:
            query.connection.execute(
                f"COPY ({sql}) TO {literal(file.name)} (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE "
                f"{GROUP_ROWS}, KV_METADATA {{release: '{release}', source: {literal(table)}}})"
            )
            opened = open(file.name, "rb")  # noqa: SIM115, PTH123 - DuckDB may have put another file in its place
        finally:
            os.unlink(file.name)  # noqa: PTH108
    with opened:
        while chunk := opened.read(_CHUNK):
            yield chunk


class Stream(StreamingResponse):
    """An answer of any length; it gives back what it holds when it ends or its reader leaves."""

    def __init__(
        self,
        first: bytes,
        rest: Generator[bytes],
        held: AsyncExitStack,
        headers: Mapping[str, str],
        form: str,
    ) -> None:
        self._rest = rest
        self._held = held
        super().__init__(iterate_in_threadpool(chain([first], rest)), headers=headers, media_type=form)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._rest.close()
            await self._held.aclose()


async def stream(
    parts: Generator[bytes], held: AsyncExitStack, headers: Mapping[str, str], form: str
) -> Stream:
    """A stream whose first part is there, so that what fails at once is still answered as a problem."""
    try:
        first = await anyio.to_thread.run_sync(next, parts, b"")
    except BaseException:
        await held.aclose()
        raise
    return Stream(first, parts, held, headers, form)
