"""Users of the portal: threads that ask one question after the other and note how long each answer took."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from schemas.errors import RejectedError
from warehouse import duck
from warehouse.releases import Release

#: Firms whose pages and rows are asked for, and the seed of their choice.
FIRMS, SEED = 2_000, 1
#: Pages of which there is one: the last ones of the list.
OVERVIEWS = (
    "/zh/",
    "/zh/chain",
    "/zh/data",
    "/zh/releases",
    "/zh/per-mu?view=districts",
    "/zh/per-mu?view=moves",
)
KINDS = len(OVERVIEWS)


@dataclass(frozen=True)
class Questions:
    """Addresses of pages and rows, of the portal and of the peer."""

    pages: Sequence[str]
    #: Of sheets: the ways to a better grade, for which the whole list is computed again.
    ways: Sequence[str]
    peer_pages: Sequence[str]
    reads: Sequence[str]
    peer_reads: Sequence[str]


def questions(release: Release) -> Questions:
    """The same firms for both: of the pages, one in three is a list, one a firm, the rest overviews."""
    with duck.connect(release.file, read_only=True) as connection:
        firms = connection.execute(
            f"""SELECT uscc, year, district_code, list_code FROM per_mu.enterprise_grade
            ORDER BY hash(uscc, {SEED}) LIMIT {FIRMS}"""
        ).fetchall()
    lists = [f"/zh/per-mu?year={y}&district={d}&list={li}" for _, y, d, li in firms]
    sheets = [f"/zh/enterprise/{uscc}?year={year}" for uscc, year, _, _ in firms]
    grade = "/release/enterprise_grade"
    return Questions(
        pages=[*lists, *sheets, *(OVERVIEWS * (len(firms) // KINDS + 1))],
        ways=[sheet.replace("?", "/ways?") for sheet in sheets],
        peer_pages=[
            f"{grade}?year={y}&district_code={d}&list_code={li}&_sort=rank_in_list&_size=50"
            for _, y, d, li in firms
        ],
        reads=[f"/api/v1/tables/core.enterprise/row?uscc={uscc}&year={year}" for uscc, year, _, _ in firms],
        peer_reads=[f"/release/enterprise/{uscc},{year}.json?_shape=objects" for uscc, year, _, _ in firms],
    )


def users(
    address: str,
    asked: Sequence[str],
    number: int,
    pause: float,
    seconds: float,
    half_way: Callable[[], None] | None = None,
) -> list[float]:
    """Seconds of each answer that so many users got who begin spread over the pause.

    Args:
        half_way: is called once, while they ask.

    Raises:
        RejectedError: an answer was a failure.
    """
    taken: list[float] = []
    failures: list[str] = []
    end = time.monotonic() + seconds
    server = urlsplit(address)

    def user(which: int) -> None:
        chance = random.Random(SEED + which)
        connection = http.client.HTTPConnection(server.hostname or "", server.port, timeout=60)
        time.sleep(pause * which / number)
        while time.monotonic() < end and not failures:
            path = chance.choice(asked)
            started = time.monotonic()
            connection.request("GET", path, headers={"accept-encoding": "gzip"})
            answer = connection.getresponse()
            answer.read()
            taken.append(time.monotonic() - started)
            if answer.status != 200:
                failures.append(f"{path}: {answer.status}")
            time.sleep(pause)

    threads = [threading.Thread(target=user, args=(which,), daemon=True) for which in range(number)]
    for thread in threads:
        thread.start()
    if half_way:
        time.sleep(seconds / 2)
        half_way()
    for thread in threads:
        thread.join()
    if failures:
        raise RejectedError(f"{failures[0]} during the measurement")
    return taken


def get(address: str, headers: Mapping[str, str]) -> int:
    """Bytes of an answer, read to its end.

    Raises:
        RejectedError: it was a failure.
    """
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=600)
    connection.request("GET", f"{parts.path}?{parts.query}", headers=dict(headers))
    answer = connection.getresponse()
    size = 0
    while part := answer.read(1 << 20):
        size += len(part)
    if answer.status != 200:
        raise RejectedError(f"{parts.path}: {answer.status} during the measurement")
    return size
