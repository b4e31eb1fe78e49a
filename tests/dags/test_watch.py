"""Waiting for a manifest: what ends it and what does not."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ingest.register import arrivals
from ingest.ways import landing as ingestion
from ingest.ways.landing import ingest
from schemas.contract import connected_groups
from warehouse.settings import CHECKOUT

GROUP = "energy"
FEEDS = ["gov_electricity", "gov_energy", "gov_energy_quota_transfer", "gov_water"]
GOOD = "91350100M000100Y43"
#: Seconds between checks in these tests, and limit for a trigger's event.
LOOK, ANSWER = 0.02, 0.6


@pytest.fixture(scope="module")
def watch(airflow_home: object) -> Iterator[Any]:
    """The module as the triggerer imports it: from the folder of the DAGs, which is on the path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(CHECKOUT / "dags"))
        yield importlib.import_module("watch")
        sys.modules.pop("watch")


@pytest.fixture
def tasks(dags: dict[str, Any]) -> Any:
    """The module of the tasks' functions, as the DAGs import it."""
    return sys.modules[dags["publish"].tasks[0].python_callable.__globals__["publish_release"].__module__]


def drop(home: Path, name: str, feed: str = "gov_electricity", period: str = "2023", **said: Any) -> Path:
    """A file with one good record, and its manifest."""
    path = home / "landing" / feed / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"社会信用代码,户号,户名,电量(万千瓦时)\n{GOOD},3302000001,甲,{len(name)}\n", encoding="utf-8"
    )
    manifest = {"feed": feed, "period": period, "file": name, "sent_at": "2024-03-01T00:00:00Z"}
    manifest["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest_of(path).write_text(json.dumps(manifest | said), encoding="utf-8")
    return path


def manifest_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.manifest.json")


def trigger(watch: Any, run_id: str = "scheduled__1", at_most: float = 3600) -> Any:
    """A trigger as in the triggerer: deserialized, with its task instance."""
    path, kwargs = watch.ArrivalTrigger(GROUP, FEEDS, LOOK, at_most).serialize()
    module, name = path.rsplit(".", 1)
    assert module == "watch"
    made = getattr(watch, name)(**json.loads(json.dumps(kwargs)))
    assert made.serialize() == (path, kwargs)
    made.task_instance = SimpleNamespace(run_id=run_id, dag_id="ingest_energy", task_id="wait")
    return made


def ends_as(made: Any, asked: bool = False) -> str | None:
    """Name of the event with which a trigger ends; None while it waits."""

    async def is_asked() -> bool:
        return asked

    made._is_asked = is_asked

    async def first() -> Any:
        return await anext(made.run())

    try:
        return type(asyncio.run(asyncio.wait_for(first(), ANSWER))).__name__
    except TimeoutError:
        return None


def take_in(tasks: Any, **params: Any) -> dict[str, Any]:
    """Run the task outside Airflow."""
    given = {"feed": None, "period": None, "remap": False, "connection": None, "replaces": False} | params
    context = {"params": given, "task": SimpleNamespace(), "outlet_events": Announced()}
    report: dict[str, Any] = tasks.ingest_group(GROUP, context)
    return report | {"announced": {o.name for o in context["task"].outlets}}  # type: ignore[attr-defined]


class Announced(dict[Any, Any]):
    def __missing__(self, _: Any) -> Any:
        return SimpleNamespace(add_partitions=lambda _: None, extra={})


# --- what ends the waiting -------------------------------------------------------------------------------


def test_the_group_has_the_feeds_of_the_contracts() -> None:
    assert [spec.table for spec in connected_groups()[GROUP]] == FEEDS


def test_a_manifest_with_its_file_ends_the_waiting(watch: Any, cold_home: Path) -> None:
    assert ends_as(trigger(watch)) is None
    drop(cold_home, "a.csv")
    assert ends_as(trigger(watch)) == "TaskSuccessEvent"


def test_a_manifest_that_arrives_during_the_waiting_ends_it(watch: Any, cold_home: Path) -> None:
    made = trigger(watch)

    async def waited() -> str:
        waiting = asyncio.create_task(anext(made.run()))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        drop(cold_home, "a.csv", "gov_water")
        return type(await asyncio.wait_for(waiting, 5)).__name__

    async def nobody() -> bool:
        return False

    made._is_asked = nobody
    assert asyncio.run(waited()) == "TaskSuccessEvent"


def test_an_incomplete_drop_does_not_end_the_waiting(watch: Any, cold_home: Path) -> None:
    path = drop(cold_home, "a.csv")
    kept = path.read_bytes()
    path.unlink()  # a manifest alone
    (path.parent / "b.csv").write_text("no manifest yet", encoding="utf-8")
    drop(cold_home, "c.csv", "gov_tax")  # a feed of another group
    assert ends_as(trigger(watch)) is None
    path.write_bytes(kept)
    assert ends_as(trigger(watch)) == "TaskSuccessEvent"


def test_a_file_that_is_still_being_copied_does_not_end_the_waiting(watch: Any, cold_home: Path) -> None:
    path = drop(cold_home, "a.csv")
    made = trigger(watch)
    looks = arrivals.unseen

    def while_it_grows(*args: Any) -> Any:
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")
        return looks(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrivals, "unseen", while_it_grows)
        assert ends_as(made) is None
    assert ends_as(made) == "TaskSuccessEvent"


def test_a_group_that_was_not_checked_for_long_is_checked(watch: Any, tasks: Any, cold_home: Path) -> None:
    assert ends_as(trigger(watch, at_most=0.1)) == "TaskSuccessEvent"
    take_in(tasks)
    assert ends_as(trigger(watch)) is None
    state = cold_home / "arrivals" / f"{GROUP}.json"
    assert json.loads(state.read_text()).keys() == {"seen", "looked_at", "refused"}
    # another triggerer, an hour later: the time counts from the last check, not from its own start
    with pytest.MonkeyPatch.context() as patch:
        later = arrivals.now() + timedelta(minutes=61)
        patch.setattr(arrivals, "now", lambda: later)
        assert ends_as(trigger(watch)) == "TaskSuccessEvent"


def test_after_a_restart_a_group_is_checked_once(watch: Any, tasks: Any, cold_home: Path) -> None:
    take_in(tasks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch, "BEGAN", arrivals.now())
        assert ends_as(trigger(watch)) == "TaskSuccessEvent"
        take_in(tasks)
        assert ends_as(trigger(watch)) is None
        # a new home has nothing stale
        (cold_home / "arrivals" / f"{GROUP}.json").unlink()
        assert ends_as(trigger(watch)) is None


def test_a_waiting_run_yields_to_a_queued_run(watch: Any, cold_home: Path) -> None:
    assert ends_as(trigger(watch), asked=True) == "TaskSkippedEvent"
    drop(cold_home, "a.csv")
    assert ends_as(trigger(watch, "manual__1")) == "TaskSuccessEvent"
    (cold_home / "landing" / "gov_electricity" / "a.csv").unlink()
    assert ends_as(trigger(watch, "manual__1")) == "TaskSuccessEvent"
    assert ends_as(trigger(watch, "my own run")) == "TaskSuccessEvent"


# --- what was seen before --------------------------------------------------------------------------------


def test_ingested_or_rejected_files_end_the_waiting_again_only_after_a_change(
    watch: Any, tasks: Any, cold_home: Path
) -> None:
    drop(cold_home, "good.csv")
    bad = drop(cold_home, "bad.csv", sha256="0" * 64)
    report = take_in(tasks)
    assert (report["taken"], [r.split(":")[0] for r in report["rejected"]]) == (
        1,
        ["gov_electricity/bad.csv"],
    )
    assert "raw.gov_electricity" in report["announced"]
    assert ends_as(trigger(watch)) is None

    drop(cold_home, "bad.csv")  # sent again under the same name, right this time
    assert ends_as(trigger(watch)) == "TaskSuccessEvent"
    assert take_in(tasks)["taken"] == 1
    assert ends_as(trigger(watch)) is None

    bad.unlink()
    manifest_of(bad).unlink()
    assert ends_as(trigger(watch)) is None


def test_files_that_arrive_during_ingestion_are_new(watch: Any, tasks: Any, cold_home: Path) -> None:
    drop(cold_home, "a.csv")

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        report = ingest(*args, **kwargs)
        drop(cold_home, "late.csv", period="2022")
        return report

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingestion, "ingest", meanwhile)
        assert take_in(tasks)["taken"] == 1
    assert ends_as(trigger(watch)) == "TaskSuccessEvent"
    assert take_in(tasks)["taken"] == 1
    assert ends_as(trigger(watch)) is None


def test_a_failed_attempt_is_repeated_but_not_at_once(watch: Any, tasks: Any, cold_home: Path) -> None:
    drop(cold_home, "a.csv")

    def full(*_: Any, **__: Any) -> Any:
        raise OSError("no space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingestion, "ingest", full)
        with pytest.raises(OSError, match="no space"):
            take_in(tasks)
    assert ends_as(trigger(watch)) is None
    assert arrivals.unseen(GROUP, FEEDS, arrivals.now() + timedelta(minutes=14)) == {}
    assert list(arrivals.unseen(GROUP, FEEDS, arrivals.now() + timedelta(minutes=16))) == [
        "gov_electricity/a.csv"
    ]
    drop(cold_home, "b.csv", period="2022")  # other files do not wait for it
    assert ends_as(trigger(watch)) == "TaskSuccessEvent"


def test_deliveries_registered_by_another_path_end_the_waiting(
    watch: Any, tasks: Any, cold_home: Path
) -> None:
    take_in(tasks)
    assert ends_as(trigger(watch)) is None
    drop(cold_home, "a.csv")
    assert len(ingest(["gov_electricity"]).taken) == 1
    (cold_home / "landing" / "gov_electricity" / "a.csv").unlink()
    assert list(arrivals.unseen(GROUP, FEEDS, arrivals.now())) == ["gov_electricity"]
    assert ends_as(trigger(watch)) == "TaskSuccessEvent"
    # the run ingests nothing, announces its own feeds that stale tables read, and the next run waits
    with pytest.MonkeyPatch.context() as patch:
        waiting = {"raw.gov_electricity": {"2023"}, "raw.gov_tax": {"2023"}}
        patch.setattr(tasks, "_awaited", lambda: waiting)
        report = take_in(tasks)
    assert (report["taken"], report["announced"]) == (0, {"raw.gov_electricity"})
    assert ends_as(trigger(watch)) is None


def test_a_run_of_one_feed_or_period_leaves_the_others_for_the_next(
    watch: Any, tasks: Any, cold_home: Path
) -> None:
    drop(cold_home, "a.csv", period="2023")
    drop(cold_home, "b.csv", period="2024-03")
    drop(cold_home, "c.csv", period="2024-04")
    assert take_in(tasks, feed="gov_water")["taken"] == 0
    assert take_in(tasks, period="2024-03")["taken"] == 1
    assert take_in(tasks, period="2024")["taken"] == 1
    assert ends_as(trigger(watch)) == "TaskSuccessEvent"
    assert take_in(tasks)["taken"] == 1
    assert ends_as(trigger(watch)) is None


def test_a_group_is_at_rest_when_all_was_ingested_and_nothing_rejected(tasks: Any, cold_home: Path) -> None:
    assert not arrivals.is_at_rest(GROUP, FEEDS)  # not checked yet
    drop(cold_home, "a.csv")
    take_in(tasks)
    assert arrivals.is_at_rest(GROUP, FEEDS)
    bad = drop(cold_home, "broken.csv")
    assert not arrivals.is_at_rest(GROUP, FEEDS)
    bad.write_text("取水单位\n", encoding="utf-8")
    take_in(tasks)
    # a rejected file is reported each time until it is corrected or removed
    assert not arrivals.is_at_rest(GROUP, FEEDS)
    bad.unlink()
    manifest_of(bad).unlink()
    take_in(tasks)
    assert arrivals.is_at_rest(GROUP, FEEDS)
    arrivals.begin(GROUP, arrivals.drops(FEEDS), arrivals.now())
    assert not arrivals.is_at_rest(GROUP, FEEDS)  # an unfinished attempt is repeated


def test_a_lost_or_broken_state_costs_one_run(watch: Any, tasks: Any, cold_home: Path) -> None:
    drop(cold_home, "a.csv")
    take_in(tasks)
    (cold_home / "arrivals" / f"{GROUP}.json").write_text("{")
    assert ends_as(trigger(watch)) == "TaskSuccessEvent"
    assert take_in(tasks)["taken"] == 0
    assert ends_as(trigger(watch)) is None


def test_thousands_of_files_are_checked_in_a_moment(cold_home: Path) -> None:
    folder = cold_home / "landing" / "gov_water"
    folder.mkdir(parents=True)
    for number in range(4000):
        (folder / f"{number}.csv").touch()
        (folder / f"{number}.csv.manifest.json").touch()
    since = time.perf_counter()
    found = arrivals.drops(FEEDS)
    arrivals.done(GROUP, found, arrivals.now())
    assert arrivals.unseen(GROUP, FEEDS, arrivals.now()) == {}
    assert len(found) == 4000 and time.perf_counter() - since < 5  # 0.1 s where nothing else runs
    (folder / "77.csv").write_text("more", encoding="utf-8")
    assert list(arrivals.unseen(GROUP, FEEDS, arrivals.now())) == ["gov_water/77.csv"]


# --- as Airflow serializes it ------------------------------------------------------------------------------


def test_the_scheduler_passes_every_waiting_task_to_the_triggerer_without_a_worker(
    dags: dict[str, Any],
) -> None:
    from airflow.serialization.serialized_objects import BaseSerialization, DagSerialization

    for group, specs in connected_groups().items():
        kept = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dags[f"ingest_{group}"]))
        task = kept.get_task("wait")
        assert task.start_from_trigger is True
        assert task.start_trigger_args.trigger_cls == "watch.ArrivalTrigger"
        kwargs = BaseSerialization.deserialize(task.start_trigger_args.trigger_kwargs)
        assert (kwargs["group"], kwargs["feeds"]) == (group, [spec.table for spec in specs])
        assert kwargs["every"] <= 30  # and a few seconds to settle: far below a quarter of an hour
    often = {
        g: dags[f"ingest_{g}"].get_task("wait").start_trigger_args.trigger_kwargs for g in ("devices", "land")
    }
    assert often["devices"]["every"] < often["land"]["every"]
    assert often["devices"]["at_most"] < often["land"]["at_most"]


def test_a_run_in_one_process_does_not_wait(dags: dict[str, Any]) -> None:
    assert dags["ingest_energy"].get_task("wait").execute({}) is None
