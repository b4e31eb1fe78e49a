"""The bounded reader of files: a sender's file → text cells with record numbers, as the contract describes the file."""

from __future__ import annotations

import stat
from pathlib import Path

from ingest.readers import archives
from ingest.readers.bounds import MAX_FILE_BYTES
from ingest.readers.csv import read_csv
from ingest.readers.headings import check_fields
from ingest.readers.json_lines import read_json_lines
from ingest.readers.records import Records, from_file, joined, source_of, with_some
from ingest.readers.sheets import read_excel
from schemas.contract import Feed
from schemas.errors import RejectedError


def read_records(path: Path, spec: Feed, scratch: Path) -> Records:
    """Read one file, or all files of a zip archive, as the contract describes them.

    Args:
        scratch: an existing folder for data that does not fit in memory; the result may map files in it.

    Raises:
        RejectedError: the file is empty, unreadable, in another encoding, too large, or lacks a heading.
    """
    source = source_of(spec)
    check_file(path, path.name)
    if path.suffix.lower() == ".zip":
        members = archives.extract(path, scratch, MAX_FILE_BYTES)
        parts = [_read_one(file, f"{path.name}/{name}", spec, scratch) for name, file in members]
        records = joined(path.name, parts)
    else:
        records = _read_one(path, path.name, spec, scratch)
    if source.format == "jsonl":
        check_fields(path.name, spec, records)
    return records


def _read_one(path: Path, name: str, spec: Feed, scratch: Path) -> Records:
    source = source_of(spec)
    if check_file(path, name) == 0:
        raise RejectedError(f"{name}: the file is empty; ask {source.sender} to send it again")
    if source.format == "excel":
        return read_excel(path, name, spec, scratch)
    read = read_csv if source.format == "csv" else read_json_lines
    records = with_some(read(path, name, source, scratch), name, source)
    return from_file(records, name)


def check_file(path: Path, name: str) -> int:
    """The size of a file that may be read. Call this before anything reads the file, even for its checksum.

    Raises:
        RejectedError: it is a link, a device or a pipe, or too large.
    """
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise RejectedError(f"{name}: a link or a device, not a file; put the file itself there")
    if status.st_size > MAX_FILE_BYTES:
        raise RejectedError(f"{name}: larger than {MAX_FILE_BYTES >> 30} GiB; split it")
    return status.st_size
