"""``./brain stream``: ingest continuously from Kafka or from the landing folder until stopped."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JJavaError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from ingest.ways.stream import Batch, FeedStream, lock_name
from ingest.ways.stream_state import QueryFailedError
from schemas.contract import Feed
from schemas.errors import RejectedError
from warehouse.driver import driver, java_gone
from warehouse.settings import settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Seconds between two checks of the queries.
LOOK_SECONDS = 0.2
MOST_WAIT_SECONDS = 30


@dataclass(frozen=True)
class StreamOptions:
    """How streams run: seconds between batches (None: ingest what is available and end), maximum records per batch,
    how long a window stays open, and how long a broker may be unavailable."""

    every_seconds: float | None = 5
    max_records: int = 200_000
    seal_every: timedelta = timedelta(minutes=15)
    give_up_after: timedelta = timedelta(minutes=30)


@dataclass
class Totals:
    """Records and batches of a feed's stream since its start; refused records are included in ``records``."""

    records: int = 0
    refused: int = 0
    batches: int = 0


@dataclass
class _Run:
    """State that the streams of a process share."""

    options: StreamOptions
    watch: Callable[[Batch], None]
    tell: Callable[[str], None]
    stop: threading.Event
    totals: dict[str, Totals] = field(default_factory=dict)
    #: Batches since the queries were last started; after at least one, the next failure is a new one.
    fresh: int = 0

    def took(self, batch: Batch) -> None:
        total = self.totals.setdefault(batch.feed, Totals())
        total.records += batch.records
        total.refused += batch.refused
        total.batches += 1
        self.fresh += 1
        self.watch(batch)


def stream_topics(
    specs: Sequence[Feed],
    options: StreamOptions,
    *,
    watch: Callable[[Batch], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> dict[str, Totals]:
    """Ingest the feeds' topics until stopped (``stop``, an interrupt, SIGTERM), with a Spark driver in this process.

    If the broker is unavailable, the stream waits and tries again. At the end the open windows are sealed and
    registered.

    Raises:
        RejectedError: another process streams one of the feeds, Java ended, the broker removed records before they
            were read, or the broker stayed unavailable.
    """
    run = _Run(options, watch, tell, stop or threading.Event(), {s.table: Totals() for s in specs})
    name = "stream" if len(specs) > 1 else f"stream-{specs[0].table}"
    with _signals(run.stop), driver(settings(), name, [lock_name(spec) for spec in specs]) as session:
        while True:
            for attempt in _attempts(run):
                with attempt:
                    is_over = _run_queries(session, specs, run)
            if is_over:
                return run.totals


def _attempts(run: _Run) -> Retrying:
    def tell(state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        pause = state.next_action.sleep if state.next_action else 0
        run.tell(f"{failure}; trying again in {pause:.0f} s")

    def pause(seconds: float) -> None:
        run.stop.wait(seconds)

    return Retrying(
        retry=retry_if_exception_type(QueryFailedError),
        wait=wait_exponential(max=MOST_WAIT_SECONDS),
        stop=stop_after_delay(run.options.give_up_after.total_seconds()),
        before_sleep=tell,
        sleep=pause,
        retry_error_callback=_give_up,
    )


def _give_up(state: RetryCallState) -> None:
    failure = state.outcome.exception() if state.outcome else None
    raise RejectedError(f"{failure}; gave up: start the broker and run the command again")


def _run_queries(session: SparkSession, specs: Sequence[Feed], run: _Run) -> bool:
    """Run all queries until the end (True), or until one fails after at least one batch was ingested (False).

    Raises:
        QueryFailedError: a query failed before any batch was ingested.
    """
    run.fresh = 0
    streams = [FeedStream(session, spec, settings(), run.options.seal_every, run.took) for spec in specs]
    try:
        queries = [s.start(run.options.every_seconds, run.options.max_records) for s in streams]
        lasting = run.options.every_seconds is not None
        while not run.stop.is_set() and any(q.isActive for q in queries):
            if any(s.failure for s in streams) or (lasting and not all(q.isActive for q in queries)):
                break
            for stream in streams:
                stream.seal_if_due()
            time.sleep(LOOK_SECONDS)
        for stream, query in zip(streams, queries, strict=True):
            stream.check(query.exception())
        return True
    except QueryFailedError:
        if run.fresh:
            return False
        raise
    except Py4JJavaError:
        raise
    except java_gone() as error:
        log = settings().logs
        raise RejectedError(f"the stream's Spark driver ended ({type(error).__name__}); see {log}") from None
    finally:
        for stream in streams:
            with suppress(*java_gone()):
                stream.stop()


@contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """An interrupt or SIGTERM requests a stop; a second one stops immediately."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, _: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stream_landing(
    specs: Sequence[Feed],
    every_seconds: float | None,
    *,
    watch: Callable[[Batch], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> dict[str, Totals]:
    """Ingest the feeds' landing folders until stopped: the same feeds without a broker."""
    from ingest.ways.landing import ingest

    stop = stop or threading.Event()
    totals = {spec.table: Totals() for spec in specs}
    reported: set[str] = set()
    with _signals(stop):
        while True:
            start = time.monotonic()
            report = ingest([spec.table for spec in specs])
            for number, file in enumerate(report.taken):
                total = totals[file.feed]
                total.records += file.records_in
                total.refused += file.records_quarantined
                total.batches += 1
                seconds = time.monotonic() - start
                watch(Batch(file.feed, number, file.records_in, file.records_quarantined, seconds))
            for file in report.rejected:
                if file.message not in reported:
                    reported.add(file.message)
                    tell(file.message)
            if every_seconds is None or stop.wait(every_seconds):
                return totals
