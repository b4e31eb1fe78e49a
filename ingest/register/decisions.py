"""Decisions: withdrawing and restoring a delivery, each an entry in the append-only register.

Rows stay in their tables and are current again as soon as their delivery is. The entry keeps the last mapping.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ingest.register.entries import Entry, deliveries, following, register
from ingest.register.standing import Decision, decided, decision_of
from schemas.contract import Feed, feeds
from schemas.errors import RejectedError, UsageError
from schemas.periods import counted_twice
from schemas.register import WITHDRAWN, in_force, latest_mapping, stands, table_version
from warehouse import tables

Row = dict[str, Any]


def withdraw(delivery_id: str, why: str, by: str) -> None:
    """Withdraw a delivery: its rows are no longer current; those of the delivery that it superseded are again.

    Raises:
        UsageError: there is no such delivery, or no reason or name is given.
        RejectedError: it is withdrawn already, or without it figures would be counted twice.
    """
    _decide(delivery_id, WITHDRAWN, why, by)


def restore(delivery_id: str, why: str, by: str) -> None:
    """Put a withdrawn or held delivery in force.

    Raises:
        UsageError: there is no such delivery, or no reason or name is given.
        RejectedError: it is neither withdrawn nor held, or with it figures would be counted twice.
    """
    _decide(delivery_id, "restored", why, by)


def _decide(delivery_id: str, standing: str, why: str, by: str) -> None:
    if not why.strip():
        raise UsageError("say why: --reason TEXT is required and not empty")
    if not by.strip():
        raise UsageError("say who decides: --by NAME is not empty")
    with tables.writing("ingest"):
        known = deliveries()
        rows, spec = latest_of(delivery_id, known)
        if standing == WITHDRAWN and rows[0].get("standing_code") == WITHDRAWN:
            raise RejectedError(f"{delivery_id} is withdrawn already; nothing was changed")
        if standing != WITHDRAWN and stands(rows[0]):
            raise RejectedError(f"{delivery_id} is neither withdrawn nor held; nothing was changed")
        entry = _with_decision(rows, decided(standing, by.strip(), why.strip()))
        before, after = (
            counted_twice(in_force(register, spec), spec)
            for register in (known, [*known, *entry.rows(following(known))])
        )
        if doubled := [line for line in after if line not in before]:
            raise RejectedError(f"nothing was changed: otherwise {doubled[0]}")
        register([entry])


def latest_of(delivery_id: str, known: Iterable[Row]) -> tuple[list[Row], Feed]:
    """The register's rows of a delivery's last mapping, and its feed's contract.

    Raises:
        UsageError: there is no such delivery.
    """
    of_it = [row for row in known if row["delivery_id"] == delivery_id]
    spec = feeds().get(of_it[0]["feed"]) if of_it else None
    if spec is None:
        raise UsageError(f"there is no delivery {delivery_id}; ./brain deliveries list shows them all")
    return latest_mapping(of_it, spec)[delivery_id], spec


def _with_decision(rows: Sequence[Row], decision: Decision) -> Entry:
    """A delivery's last entry with a new decision."""
    first = rows[0]
    same = ("feed", "delivery_id", "part", "source_file", "checksum", "headings", "mapping_hash", "known_at")
    return Entry(
        **{name: first[name] for name in same},
        records_raw=Counter({row["period"]: row["records_raw"] for row in rows}),
        records_quarantined=Counter({row["period"]: row["records_quarantined"] for row in rows}),
        table_version=table_version(first),
        corrected_upto=first.get("corrected_upto"),
        is_replacement=bool(first.get("is_replacement")),
        decision=decision,
    )


# --- state of deliveries -------------------------------------------------------------------------------


def standings(known: Sequence[Row], spec: Feed) -> list[Row]:
    """A row for each of a feed's deliveries, with its record counts and state; by period, part and time.

    ``state`` is counts, superseded, held or withdrawn, or counts in part if other deliveries supersede some of its
    periods.
    """
    current = {(row["delivery_id"], row["period"]) for row in in_force(known, spec)}
    listed = []
    for delivery_id, rows in latest_mapping(known, spec).items():
        first, counted = rows[0], sum((delivery_id, row["period"]) in current for row in rows)
        counts = "counts" if counted == len(rows) else "counts in part"
        state = (counts if counted else "superseded") if stands(first) else first["standing_code"]
        decision = decision_of(first)
        listed.append(
            {
                "feed": spec.table,
                "periods": sorted({row["period"] for row in rows}),
                "part": first["part"] or "",
                "file": first["source_file"],
                "records_in": sum(row["records_in"] for row in rows),
                "records_quarantined": sum(row["records_quarantined"] for row in rows),
                "known_at": first["known_at"],
                "state": state,
                **(vars(decision) if decision else dict.fromkeys(Decision.__dataclass_fields__)),
                "delivery_id": delivery_id,
            }
        )
    return sorted(listed, key=lambda row: (row["periods"], row["part"], row["known_at"], row["delivery_id"]))
