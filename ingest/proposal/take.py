"""A sample of an unknown file: format, encoding, delimiter, heading lines, and its first records as texts.

Unlike in ``ingest/readers/files.py``, no contract states these properties, so all are detected. Memory is bounded too.
"""

from __future__ import annotations

from pathlib import Path

from ingest.proposal.sample import Sample
from ingest.proposal.sheet_sample import of_excel
from ingest.proposal.text_sample import of_text
from ingest.readers import archives
from ingest.readers.bounds import MAX_FILE_BYTES, MAX_HEADINGS
from ingest.readers.files import check_file
from schemas.errors import RejectedError


def take(path: Path, scratch: Path) -> Sample:
    """Take a sample of a file.

    Raises:
        RejectedError: the file is no table that could become a feed.
    """
    if not path.is_file():
        raise RejectedError(f"{path}: no such file")
    if check_file(path, path.name) == 0:
        raise RejectedError(f"{path.name}: the file is empty")
    if path.suffix.lower() == ".zip":
        members = archives.extract(path, scratch, MAX_FILE_BYTES)
        if len(members) > 1:
            raise RejectedError(
                f"{path.name}: {len(members)} files; give an archive with one file, or one of the files"
            )
        path = members[0][1]
    is_excel = path.suffix.lower() in (".xlsx", ".xlsm", ".xls")
    sample = of_excel(path, scratch) if is_excel else of_text(path)
    if not sample.rows:
        raise RejectedError(f"{path.name}: headings but no record")
    if len(sample.headings) > MAX_HEADINGS:
        raise RejectedError(
            f"{path.name}: {len(sample.headings):,} columns; at most {MAX_HEADINGS:,} are read"
        )
    if not all(sample.headings) or len(set(sample.headings)) < len(sample.headings):
        raise RejectedError(
            f"{path.name}: a column without a heading, or a heading twice; correct the heading line"
        )
    return sample
