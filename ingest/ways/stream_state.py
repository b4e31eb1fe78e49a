"""A stream's state beside Spark's checkpoint, and its recovery.

The state records a batch's start time and delivery before the batch begins. If state or checkpoint are lost, the tables
determine the record to go on from: unregistered rows are removed and read again.
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
    """Batches of one delivery: number and start time of the first, and the record counts so far."""

    first: int
    since: datetime
    #: Mapping hash of all its rows. Older state files do not have it; then it is the current one.
    mapping_hash: str = ""
    #: Records by period.
    raw: dict[str, int] = {}
    refused: dict[str, int] = {}
    headings: list[str] = []


class State(BaseModel):
    """A stream's state beside Spark's checkpoint."""

    stream_id: str
    begun: int = -1
    begun_at: datetime | None = None
    done: int = -1
    window: Window | None = None
    #: Counts of all batches so far.
    records: int = 0
    refused: int = 0


class QueryFailedError(Exception):
    """A query ended by itself, mostly because the broker is unreachable."""


def folder_of(spec: Feed, config: Settings) -> Path:
    """Folder of a stream's checkpoint and state."""
    return config.home / "streams" / spec.table


def state_of(spec: Feed, config: Settings) -> State | None:
    """The state of a feed's stream; None if it never ran or its state is not readable."""
    try:
        return State.model_validate_json((folder_of(spec, config) / STATE).read_bytes())
    except (OSError, ValidationError):
        return None


def save(state: State, folder: Path) -> None:
    """Write the state beside the checkpoint."""
    write_whole(folder / STATE, state.model_dump_json())


def delivery_id_of(spec: Feed, state: State) -> str:
    """The identifier of the open window's delivery."""
    assert state.window is not None
    return digest([spec.table, state.stream_id, state.window.first])


# --- recovery ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recovered:
    """A stream's state, and the offsets at which Kafka's source begins without a checkpoint."""

    state: State
    starting_offsets: str


def recover(spec: Feed, topic: str, config: Settings) -> Recovered:
    """The stored state; without state or checkpoint, a new state and the offsets that follow the tables' records.

    Raises:
        RejectedError: state or checkpoint are damaged.
        QueryFailedError: the broker does not return the topic's partitions.
    """
    folder = folder_of(spec, config)
    if (folder / "checkpoint" / "metadata").exists() and (folder / STATE).exists():
        return Recovered(_as_left(spec, folder), "earliest")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _forget_unsealed(spec, topic)
    offsets = "earliest"
    if following := _following_offsets(spec, topic):
        # Kafka's source needs offsets of all partitions; -2 is the first record of a partition
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
            f"the state of stream {spec.table} is damaged; remove {folder}: the tables determine where to go on"
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
    """Remove rows of the topic whose window is not registered; they are read from the broker again."""
    sealed = {d["delivery_id"] for d in deliveries()}
    for name in (spec.name, QUARANTINE):
        for delivery in sorted(set(_of_topic(name, topic)["delivery_id"].to_pylist()) - sealed):
            tables.delete(contract(name), f"delivery_id = '{delivery}'")


def _following_offsets(spec: Feed, topic: str) -> dict[str, int]:
    """Partition → offset after the last one in a table."""
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
    """Check that the files from which Spark goes on are complete: metadata, and the last files of offsets and commits.

    Spark does not flush these files to disk, and a query with a truncated one fails at each start.

    Raises:
        ValueError: a file is incomplete.
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
        # except in metadata, the first line "v1" is the format's version; the others are JSON, or "-" for no offset
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
