"""Waits for manifests without a worker: the triggerer checks every group of feeds every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator
from airflow.triggers.base import (
    BaseTrigger,
    StartTriggerArgs,
    TaskSkippedEvent,
    TaskSuccessEvent,
    TriggerEvent,
)

#: Prefix of scheduled runs; runs that a person or a program starts do not wait.
SCHEDULED = "scheduled__"
#: Seconds for which a file must stay unchanged: one that is still being copied is not ingested.
SETTLE = 5.0
#: Start of the triggerer, which loads this module once: code and rules may have changed while it was down.
BEGAN = datetime.now(UTC)


class ArrivalTrigger(BaseTrigger):
    """Ends its task when data arrived for a group, or when no ingestion ran for a long time or since a restart.

    If another run of the DAG is queued, which can begin only after this one, the task is skipped to let it start. All
    state of the trigger is on disk, so another triggerer can continue.

    Args:
        every: seconds between two checks.
        at_most: seconds after which a run begins although nothing arrived.
    """

    def __init__(self, group: str, feeds: Sequence[str], every: float, at_most: float) -> None:
        super().__init__()
        self.group = group
        self.feeds = list(feeds)
        self.every = every
        self.at_most = at_most

    def serialize(self) -> tuple[str, dict[str, Any]]:
        kwargs = {"group": self.group, "feeds": self.feeds, "every": self.every, "at_most": self.at_most}
        return "watch.ArrivalTrigger", kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        from ingest.register import arrivals

        if not self._is_scheduled():
            yield TaskSuccessEvent()
            return
        begun = arrivals.now()
        before: dict[str, str] = {}
        while True:
            found = await asyncio.to_thread(arrivals.unseen, self.group, self.feeds, arrivals.now())
            if came := sorted(name for name, mark in found.items() if before.get(name) == mark):
                self.log.info("came: %s", ", ".join(came[:20]))
                yield TaskSuccessEvent()
                return
            if self._is_long_ago(arrivals.looked_at(self.group) or begun, arrivals.now()):
                yield TaskSuccessEvent()
                return
            if await self._is_asked():
                yield TaskSkippedEvent()
                return
            before = found
            await asyncio.sleep(min(SETTLE, self.every) if found else self.every)

    def _is_scheduled(self) -> bool:
        return bool(self.task_instance.run_id.startswith(SCHEDULED))

    def _is_long_ago(self, looked_at: datetime, now: datetime) -> bool:
        return looked_at < BEGAN or now - looked_at >= timedelta(seconds=self.at_most)

    async def _is_asked(self) -> bool:
        """Whether a run of this DAG is queued: only one runs at a time, and that is the waiting one."""
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        ask = RuntimeTaskInstance.get_dr_count
        queued: int = await asyncio.to_thread(ask, dag_id=self.task_instance.dag_id, states=["queued"])
        return queued > 0


class WaitForArrivals(BaseOperator):
    """Waits in the triggerer only: neither start nor end needs a worker."""

    def __init__(
        self, *, group: str, feeds: Sequence[str], every: float, at_most: float, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls="watch.ArrivalTrigger",
            trigger_kwargs={"group": group, "feeds": list(feeds), "every": every, "at_most": at_most},
            next_method="execute",
        )
        self.start_from_trigger = True

    def execute(self, context: Any) -> None:
        """Do nothing: only a run in one process, without a triggerer, executes this."""
