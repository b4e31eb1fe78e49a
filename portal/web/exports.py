"""A page's table as a file: Excel in the offices' layout, or CSV; the rows are those of the page's own query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, Literal, cast

from fastapi.responses import FileResponse, Response, StreamingResponse
from starlette.background import BackgroundTask

from ingest.register.today import today
from portal.exports.csv_rows import safe_csv
from portal.exports.excel import Column, Sheet
from portal.exports.file_name import content_disposition, file_name
from portal.plain_text import visible
from portal.web.frame import Frame, facts
from warehouse.settings import settings

Format = Literal["xlsx", "csv"]
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Table:
    """A table to give away, in the page's language."""

    title: str
    #: Codes and periods that stand in the file's name.
    of: Sequence[str]
    unit_line: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[object]]
    #: 口径: what the figures cover.
    footnotes: Sequence[str]
    office: str


def download(frame: Frame, table: Table, ending: Format) -> Response:
    """The table as a file of the release that the frame reads.

    The rows are read before the answer begins, so that a failure is told as a page and never as half a file.
    """
    release = frame.release or frame.shelf.release()
    # people read these files, so they show what the page shows
    rows = (tuple(map(visible, row)) for row in table.rows)
    name = file_name(table.title, *table.of, release=release.number, ending=ending, language=frame.lang)
    headers = {"content-disposition": content_disposition(name)}
    if ending == "csv":
        headings = [f"{c.title} ({c.unit})" if c.unit else c.title for c in table.columns]
        lines = list(safe_csv([headings, *rows], bom=True))
        return StreamingResponse(iter(lines), media_type="text/csv; charset=utf-8", headers=headers)
    known = facts(frame, release)
    sheet = Sheet(
        title=table.title,
        unit_line=table.unit_line,
        columns=table.columns,
        rows=rows,
        office=table.office,
        made_on=today().day,
        release=release.number,
        footnotes=table.footnotes,
        language=frame.lang,
        is_synthetic=known.is_synthetic,
    )
    path = _written(sheet)
    return FileResponse(path, media_type=EXCEL, headers=headers, background=BackgroundTask(_remove, path))


def _written(sheet: Sheet) -> Path:
    folder = settings().portal / "exports"
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, suffix=".xlsx", delete=False) as file:
        try:
            sheet.write(cast("BinaryIO", file))
        except BaseException:
            _remove(Path(file.name))
            raise
    return Path(file.name)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
