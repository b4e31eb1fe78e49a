"""What leaves a sender (发送): the regular file of a delivery, its copies and corrections, each on its day."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from demo_city.delivery import deliver, file_name, sent_at
from demo_city.faults.apply import apply
from demo_city.faults.frequent.spoil import CORRECTED, Spoiler
from demo_city.faults.plan import Extra, Plan
from demo_city.frame import Frame
from demo_city.senders.schedule import Delivery
from schemas.contract import feeds

Fault = dict[str, Any]


@dataclass(frozen=True)
class File:
    """One file of a delivery: ``<feed>/<name>``, its time of sending, and what kind of file it is."""

    path: str
    sent: str
    #: The planted copy or correction that it is.
    extra: Extra | None = None
    #: Whether it corrects frequent faults alone; it is sent only if the sender finds any.
    is_correction: bool = False

    @property
    def name(self) -> str:
        return self.path.partition("/")[2]

    @property
    def is_regular(self) -> bool:
        return self.extra is None and not self.is_correction


@dataclass
class Planted:
    """What is planted in the files of a delivery: the planted faults, and the rows of the frequent ones."""

    faults: list[Fault] = field(default_factory=list)
    slips: list[tuple[str, ...]] = field(default_factory=list)


def files_of(delivery: Delivery, plan: Plan, spoiler: Spoiler, until: date | None) -> list[File]:
    """The delivery's files that are sent by the day ``until``, all without a day; the regular one comes first."""
    feed, period, part, _ = delivery
    frame = Frame(feeds()[feed], period, part, {})

    def file(suffix: str, days: int, extra: Extra | None = None, *, is_correction: bool = False) -> File:
        path = f"{feed}/{file_name(frame, suffix)}"
        return File(path, sent_at(frame.contract, period, days, part), extra, is_correction)

    days = plan.late.get((feed, period, part))
    late = frame.contract.source.lateness_days // 5 + days if days else 0
    extras = plan.extras_of(frame)
    files = [file("", late), *(file(extra.suffix, extra.days_late, extra) for extra in extras)]
    # a planted correction has the corrected records as well
    if spoiler.corrects(feed, period, part) and not any(extra.edits for extra in extras):
        files.append(file(CORRECTED, spoiler.correction_days, is_correction=True))
    return [file for file in files if until is None or file.sent[:10] <= until.isoformat()]


def send(
    landing: Path,
    files: Collection[File],
    build: Callable[[], Frame],
    plan: Plan,
    spoiler: Spoiler,
    found: Planted,
) -> Iterator[Frame]:
    """Write the files of one delivery, and add what is planted in them to ``found``; yields the content of each."""
    if not files:
        return
    built = build()
    regular = next((file.name for file in files if file.is_regular), file_name(built))
    frame, planted = apply(built, plan.edits_of(built), regular)
    days = plan.late.get((frame.feed, frame.period, frame.part))
    del built  # the largest deliveries take hundreds of MB
    spoilt = spoiler.spoil(frame, is_late=days is not None)
    frame, correction = spoilt.frame, spoilt.correction
    for file in files:
        sent = frame
        if file.is_correction:
            if correction is None:
                continue
            sent = correction
        elif file.extra is None:
            found.faults += planted
            found.slips += spoilt.truth
            if days:
                found.faults.append(_of_file("late_file", frame, file.name, {"type": "late", "days": days}))
        elif file.extra.edits:
            sent, again = apply(correction or frame, file.extra.edits, file.name)
            for fault in again:
                if "column" in fault["outcome"]:
                    fault["outcome"] = {**fault["outcome"], "value": next(iter(fault["cells"].values()))}
            found.faults += again
        else:
            found.faults.append(_of_file("repeated_file", frame, file.name, {"type": "duplicate"}))
        deliver(landing, sent, file.name, file.sent)
        yield sent


def _of_file(kind: str, frame: Frame, name: str, outcome: dict[str, Any]) -> Fault:
    return {
        "kind": kind,
        "feed": frame.feed,
        "period": frame.period,
        "part": frame.part,
        "file": name,
        "key": {"file": name},
        "cells": {},
        "outcome": outcome,
    }
