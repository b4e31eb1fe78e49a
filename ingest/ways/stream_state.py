"""What a stream knows beside Spark's checkpoint, and how it finds its place again.

The state says, before a batch is begun, when it was begun and to which delivery it belongs. Where state or checkpoint
are lost the tables say from which record to go on: what no register knows is removed and read again.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.compute as pc
from pydantic import BaseModel, ValidationError

from ingest.register.deliveries import QUARANTINE
from ingest.register.entries import deliveries
from schemas.contract import Feed, contract, digest
from schemas.errors import RejectedError
from warehouse import tables
from warehouse.kafka import partitions_of
from warehouse.settings import Settings
from warehouse.state import write_whole

STATE = "state.json"


class Window(BaseModel):
    """Batches that make one delivery: the first one's number, when it was begun, and what they had so far."""

    first: int
    since: datetime
    #: Of all its rows; state files of before do not say it, and then it is the one in force.
    mapping_hash: str = ""
    #: Records by period.
    raw: dict[str, int] = {}
    refused: dict[str, int] = {}
    headings: list[str] = []


class State(BaseModel):
    """What a stream knows beside Spark's checkpoint."""

    stream_id: str
    begun: int = -1
    begun_at: datetime | None = None
    done: int = -1
    window: Window | None = None
    #: Of all batches so far.
    records: int = 0
    refused: int = 0


class QueryFailedError(Exception):
    """A query ended by itself: a broker that is away, mostly."""


def folder_of(spec: Feed, config: Settings) -> Path:
    """Where a stream keeps its checkpoint and state."""
    return config.home / "streams" / spec.table


def state_of(spec: Feed, config: Settings) -> State | None:
    """What a feed's stream has taken in so far; nothing where it never ran."""
    try:
        return State.model_validate_json((folder_of(spec, config) / STATE).read_bytes())
    except (OSError, ValidationError):
        return None


def save(state: State, folder: Path) -> None:
    """Write the state down beside the checkpoint."""
    write_whole(folder / STATE, state.model_dump_json())


def delivery_id_of(spec: Feed, state: State) -> str:
    """The delivery that the window's batches make."""
    assert state.window is not None
    return digest([spec.table, state.stream_id, state.window.first])


# --- recovery ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recovered:
    """A state as it was left, and where Kafka's source begins where it has no checkpoint."""

    state: State
    starting_offsets: str


def recover(spec: Feed, topic: str, config: Settings) -> Recovered:
    """The state as it was left; without one the tables say from which record to go on.

    Raises:
        RejectedError: state or checkpoint are damaged.
        QueryFailedError: the broker does not say which partitions the topic has.
    """
    folder = folder_of(spec, config)
    if (folder / "checkpoint" / "metadata").exists() and (folder / STATE).exists():
        return Recovered(_as_left(spec, folder), "earliest")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _forget_unsealed(spec, topic)
    offsets = "earliest"
    if following := _following_offsets(spec, topic):
        # Kafka's source wants all partitions: -2 is the first record of one of which nothing was read
        all_of = {str(number): -2 for number in _partitions(spec, topic, config)}
        offsets = json.dumps({topic: all_of | following})
    state = State(stream_id=uuid4().hex)
    save(state, folder)
    return Recovered(state, offsets)


def _as_left(spec: Feed, folder: Path) -> State:
    try:
        state = State.model_validate_json((folder / STATE).read_bytes())
        _check_checkpoint(folder / "checkpoint")
    except ValueError:
        raise RejectedError(
            f"the state of stream {spec.table} is damaged; remove {folder}: the tables say where to go on"
        ) from None
    if state.window and delivery_id_of(spec, state) in {d["delivery_id"] for d in deliveries()}:
        state.window = None
    return state


def _partitions(spec: Feed, topic: str, config: Settings) -> list[int]:
    from confluent_kafka import KafkaException

    try:
        return partitions_of(config.kafka or "", config.kafka_options, topic)
    except KafkaException as error:
        raise QueryFailedError(f"stream {spec.table}: {error}") from None


def _forget_unsealed(spec: Feed, topic: str) -> None:
    """Remove rows of the topic whose window no register knows; they are read from the broker again."""
    sealed = {d["delivery_id"] for d in deliveries()}
    for name in (spec.name, QUARANTINE):
        for delivery in sorted(set(_of_topic(name, topic)["delivery_id"].to_pylist()) - sealed):
            tables.delete(contract(name), f"delivery_id = '{delivery}'")


def _following_offsets(spec: Feed, topic: str) -> dict[str, int]:
    """Partition → offset after the last one that a table has."""
    following: dict[str, int] = {}
    for name in (spec.name, QUARANTINE):
        last = _of_topic(name, topic).group_by("source_file").aggregate([("source_row", "max")])
        for file, offset in zip(
            *(last[c].to_pylist() for c in ("source_file", "source_row_max")), strict=True
        ):
            partition = file.rpartition("/")[2]
            following[partition] = max(following.get(partition, 0), offset + 1)
    return following


def _check_checkpoint(folder: Path) -> None:
    """See that what Spark goes on from is whole: its identity, and its last entries of what was begun and done.

    Spark does not wait for the disk when it writes them, and a query that finds one cut fails at each start.

    Raises:
        ValueError: it is not.
    """
    last = [
        max(
            (f for f in (folder / kind).glob("[0-9]*") if f.name.isdigit()),
            key=lambda f: int(f.name),
            default=None,
        )
        for kind in ("offsets", "commits")
    ]
    for file in (folder / "metadata", *filter(None, last)):
        # a first line "v1" is the version of the format; the others are JSON, or "-" where a source has nothing
        lines = file.read_text("utf-8").splitlines()
        parts = [line for line in lines[file.parent != folder :] if line != "-"]
        if not lines or not all(isinstance(json.loads(part), dict) for part in parts):
            raise ValueError(f"{file.name} is cut")


def _of_topic(name: str, topic: str) -> Any:
    condition = pc.starts_with(pc.field("source_file"), f"{topic}/")
    return (
        tables.open_table(name)
        .to_pyarrow_dataset()
        .to_table(columns=["delivery_id", "source_file", "source_row"], filter=condition)
    )
