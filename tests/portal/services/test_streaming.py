"""How long a broker may be unavailable: the time starts again after each ingested batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from ingest.ways.stream import Batch
from ingest.ways.stream_state import QueryFailedError
from portal.services import streaming
from portal.services.streaming import StreamOptions, stream_topics
from schemas.contract import feed
from schemas.errors import RejectedError

FEED = "ent_meter_reading"


class Query:
    isActive = False

    def exception(self) -> Exception:
        return Exception("the broker is away")


class Stream:
    """A stream whose query ends at once; each run has as many batches as the test sets."""

    failure = None
    #: Batches of each following run; after the last run the stream ends as if it was stopped.
    runs: list[int]

    def __init__(self, *given: Any) -> None:
        self._took = given[-1]

    def start(self, *_: Any) -> Query:
        self._is_last = not Stream.runs
        for number in range(Stream.runs.pop(0) if Stream.runs else 0):
            self._took(Batch(FEED, number, 10, 1, 0.1))
        return Query()

    def check(self, error: Exception) -> None:
        if not self._is_last:
            raise QueryFailedError(str(error))

    def stop(self) -> None:
        pass


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def driver(*_: Any) -> Iterator[None]:
        yield

    monkeypatch.setattr(streaming, "driver", driver)
    monkeypatch.setattr(streaming, "FeedStream", Stream)


def stream(*runs: int) -> int:
    Stream.runs = list(runs)
    # no waiting time: only a batch since the last failure allows another attempt
    [total] = stream_topics([feed(FEED)], StreamOptions(give_up_after=timedelta(0))).values()
    return total.records


def test_a_failure_after_a_batch_starts_a_new_waiting_time() -> None:
    assert stream(2, 1, 3) == 60


def test_the_stream_gives_up_if_the_broker_stays_unavailable() -> None:
    with pytest.raises(RejectedError, match="the broker is away; gave up") as failed:
        stream(2, 0)
    assert "\n" not in str(failed.value)
