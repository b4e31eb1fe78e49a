"""Limits of the API: requests a minute, addresses, exports at a time, and the time of a query."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import anyio
import anyio.to_thread
import duckdb
from starlette.requests import Request

from portal.access.viewer import Viewer
from portal.api.problems import Problem
from warehouse.settings import Settings

LONGEST_ADDRESS = 8_000
#: Queries that run at the same time; others wait, because more would only share the same processors.
QUERIES = 8
#: Seconds that an export waits for its turn before it is refused, and after which it may try again.
WAIT_SECONDS = 5
RETRY_SECONDS = 15
#: Clients whose requests are counted; the ones that asked least recently are forgotten first.
MOST_CLIENTS = 10_000

T = TypeVar("T")


class Deadline:
    """Interrupts the query that runs when its time is over."""

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._running: duckdb.DuckDBPyConnection | None = None
        self._is_over = False
        self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def _expire(self) -> None:
        with self._lock:
            self._is_over = True
            if self._running is not None:
                self._running.interrupt()

    def cancel(self) -> None:
        self._timer.cancel()

    @contextmanager
    def watching(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """
        Raises:
            InterruptException: the time is over.
        """
        with self._lock:
            if self._is_over:
                raise duckdb.InterruptException("time is over")
            self._running = connection
        try:
            yield
        finally:
            with self._lock:
                self._running = None


class Buckets:
    """A token bucket per client: it holds the requests of a minute, and fills as the minute goes by.

    Constant memory per client; libraries of rate limits keep an object per request and a thread that removes them.
    """

    def __init__(self, most: int = MOST_CLIENTS, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        #: Client → requests that it may still make, and when that was so.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, per_minute: int) -> float:
        """Count a request; seconds until the client may ask again, 0 if it may now.

        >>> buckets = Buckets(clock=iter([0, 0, 0, 30]).__next__)
        >>> [buckets.take("a", 2) for _ in range(4)]
        [0.0, 0.0, 30.0, 0.0]
        """
        now = self._clock()
        left, then = self._left.pop(client, (float(per_minute), now))
        left = min(float(per_minute), left + (now - then) * per_minute / 60)
        may = left >= 1
        self._left[client] = (left - 1 if may else left, now)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        return 0.0 if may else (1 - left) * 60 / per_minute


class Limits:
    """The limits of one server."""

    def __init__(self, config: Settings) -> None:
        self._config = config
        self._buckets = Buckets()
        self._queries = anyio.CapacityLimiter(QUERIES)
        self._exports = anyio.Semaphore(config.api_exports)

    def check(self, request: Request) -> None:
        """
        Raises:
            Problem: 414, the address is too long; 429, the client asks too often.
        """
        length = len(request.scope["raw_path"]) + len(request.scope["query_string"])
        if length > LONGEST_ADDRESS:
            raise Problem(
                414, "address-too-long", f"地址最长 {LONGEST_ADDRESS} 字节；请减少筛选值或列。",
                f"An address has at most {LONGEST_ADDRESS} bytes; name fewer values or columns.",
            )  # fmt: skip
        viewer: Viewer = request.state.viewer
        if viewer.is_visitor:
            client, most = f"visitor {_address(request)}", self._config.api_visitor_requests_per_minute
        else:
            client, most = f"account {viewer.name}", self._config.api_requests_per_minute
        if seconds := self._buckets.take(client, most):
            raise Problem(
                429, "too-many-requests", f"每分钟最多 {most} 次请求；请稍候，大量读取请用 Parquet 或 CSV。",
                f"At most {most} requests a minute; wait, and read large amounts at once as Parquet or CSV.",
                {"retry-after": str(math.ceil(seconds))},
            )  # fmt: skip

    async def query(self, work: Callable[[Deadline], T]) -> T:
        """The result of a query that runs in a thread.

        Raises:
            InterruptException: it took too long.
        """
        deadline = Deadline(self._config.api_query_seconds)
        try:
            return await anyio.to_thread.run_sync(work, deadline, limiter=self._queries)
        finally:
            deadline.cancel()

    @asynccontextmanager
    async def export(self) -> AsyncIterator[Deadline]:
        """A turn for an answer of any length.

        Raises:
            Problem: 429, too many are being made.
        """
        with anyio.move_on_after(WAIT_SECONDS) as waited:
            await self._exports.acquire()
        if waited.cancelled_caught:
            raise Problem(
                429, "too-many-exports",
                f"同时最多 {self._config.api_exports} 个导出；请在 {RETRY_SECONDS} 秒后重试。",
                f"At most {self._config.api_exports} exports are made at a time; try again in {RETRY_SECONDS} seconds.",
                {"retry-after": str(RETRY_SECONDS)},
            )  # fmt: skip
        deadline = Deadline(self._config.api_export_seconds)
        try:
            yield deadline
        finally:
            deadline.cancel()
            self._exports.release()


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
