"""The demo city (示范城市): generate the files that the systems of a synthetic Ningbo send.

>>> CitySpec(scale=0.02, years=(2023, 2024)).years
(2023, 2024)
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from demo_city.delivery import deliver, encode, file_name, replace, sent_at
from demo_city.faults.apply import apply
from demo_city.faults.faults import plan_faults
from demo_city.faults.plan import Plan
from demo_city.faults.successions import plan_identities, with_branches
from demo_city.frame import Frame
from demo_city.plan_comparison import Comparison, compare_with_plan
from demo_city.senders import consent, discharge_permit, true_positions
from demo_city.senders.schedule import by_group, deliveries
from demo_city.world.chains import MODELS
from demo_city.world.city import City, build_city
from demo_city.world.parameters import parameters
from schemas.contract import SCHEMAS, feeds
from schemas.errors import UsageError

MARKER = ".demo_city.json"
TRUTH, IDENTITIES = "planted_faults.json", "identities.json"
#: The true chain positions of firms and the planted gaps; no job reads them.
POSITIONS, GAPS = "chain_positions.csv", "chain_gaps.json"
#: Firms without consent to the per-mu evaluation, as the senders know it; no job reads it.
CONSENTS = "consents.json"
#: The permit holders that withhold their emission report.
WITHHELD = "withheld_reports.csv"
MIN_SCALE, MAX_SCALE = 0.005, 10.0
LAST_YEAR = 2035


@dataclass(frozen=True)
class CitySpec:
    """Scale, seed and years of a city; the same spec gives the same bytes.

    Raises:
        UsageError: the scale or the years are out of range.
    """

    scale: float = 1.0
    seed: int = 2020
    years: tuple[int, ...] = (2020, 2021, 2022, 2023, 2024)

    def __post_init__(self) -> None:
        first = parameters().base_year
        if not MIN_SCALE <= self.scale <= MAX_SCALE:
            raise UsageError(f"scale {self.scale}: give a scale from {MIN_SCALE} to {MAX_SCALE:g}")
        if self.seed < 0:
            raise UsageError(f"seed {self.seed}: give a whole number of 0 or more")
        years = list(self.years)
        if not years or years != list(range(years[0], years[0] + len(years))):
            raise UsageError(f"years {years}: give consecutive years in order, such as 2023 2024")
        if years[0] < first or years[-1] > LAST_YEAR:
            raise UsageError(f"years {years}: the demo city covers {first} to {LAST_YEAR}")


def check_sent(spec: CitySpec, today: date) -> None:
    """Refuse years whose files would be dated after today: senders finish a year by the end of the next June.

    Raises:
        UsageError: the city has such a year.
    """
    last = today.year - (1 if today.month > 6 else 2)
    if spec.years[-1] > last:
        raise UsageError(
            f"year {spec.years[-1]}: its files would be sent after today; give years up to {last}"
        )


@dataclass(frozen=True)
class GenerationReport:
    """Content of the landing folder after a generation."""

    #: The folder already held exactly this city; nothing was written.
    kept: bool
    #: Records by feed and period, corrected and repeated files included.
    records: dict[str, dict[str, int]] = field(default_factory=dict)
    plan_comparison: tuple[Comparison, ...] = ()

    @property
    def total_records(self) -> int:
        return sum(sum(periods.values()) for periods in self.records.values())


def generate(
    spec: CitySpec,
    landing: Path,
    truth: Path,
    progress: Callable[[str, int], None] = lambda *_: None,
    complete: Callable[[str], None] = lambda _: None,
) -> GenerationReport:
    """Write the city's files to ``landing/<feed>/``, and what is planted in them (faults, identities, withheld reports,
    true positions) to ``truth``.

    If the same city already exists there, nothing is written. Files of another demo city are removed first; files
    that no demo city wrote are left alone.

    Args:
        progress: called with the feed's name and the number of records after each file.
        complete: called with the name of a group of feeds when all its files are written.
    """
    landing.mkdir(parents=True, exist_ok=True)
    truth.mkdir(parents=True, exist_ok=True)
    identity = _identity(spec)
    marker = landing / MARKER
    previous = _read_marker(marker)
    if is_there(spec, landing, truth):
        return _report(True, previous)
    _remove(landing, previous.get("files", []))

    city = build_city(parameters(), spec.seed, spec.scale, max(2024, spec.years[-1]))
    replace(truth / POSITIONS, _csv(true_positions.positions(city, spec.years)))
    replace(truth / GAPS, _dump(true_positions.gaps(city)))
    replace(truth / CONSENTS, _dump(consent.true_states(city, spec.years)))
    replace(truth / WITHHELD, _csv(discharge_permit.withheld_reports(city, spec.years)))
    plan = plan_faults(city, spec.years)
    identities = plan_identities(city, spec.years, plan.taken)
    plan = dataclasses.replace(plan, edits=(*plan.edits, *identities.edits))
    state: dict[str, Any] = {**identity, "complete": False, "files": planned_files(city, spec, plan)}
    replace(marker, _dump(state))
    records: dict[str, Counter[str]] = {}
    planted: dict[int, list[dict[str, Any]]] = {}
    for group, sent in by_group(deliveries(city, spec.years)):
        for number, (_, _, _, build) in sent:
            faults_here = planted.setdefault(number, [])
            for frame in _send(landing, with_branches(build(), identities), plan, faults_here):
                records.setdefault(frame.feed, Counter())[frame.period] += frame.rows
                progress(frame.feed, frame.rows)
        complete(group)
    faults = [fault for _, some in sorted(planted.items()) for fault in some]
    for number, fault in enumerate(faults, start=1):
        fault |= {"id": f"F{number:03d}"}
    order = ("id", "kind", "feed", "period", "part", "file", "key", "cells", "outcome")
    replace(truth / TRUTH, _dump([{k: f[k] for k in order} for f in faults]))
    replace(truth / IDENTITIES, _dump(identities.truth))
    state |= {
        "complete": True,
        "records": records,
        "plan_comparison": [[str(v) for v in vars(c).values()] for c in compare_with_plan(city)],
    }
    replace(marker, _dump(state))
    return _report(False, state)


def is_there(spec: CitySpec, landing: Path, truth: Path) -> bool:
    """Whether the landing folder holds exactly this city, complete and with its truth files."""
    marker = _read_marker(landing / MARKER)
    same = all(marker.get(k) == v for k, v in _identity(spec).items())
    truths = (TRUTH, IDENTITIES, POSITIONS, GAPS, CONSENTS, WITHHELD)
    has_truth = all((truth / name).exists() for name in truths)
    return bool(marker.get("complete")) and same and has_truth


def _identity(spec: CitySpec) -> dict[str, Any]:
    return {"spec": _spec_json(spec), "version": generator_version()}


def _send(landing: Path, frame: Frame, plan: Plan, faults: list[dict[str, Any]]) -> Iterable[Frame]:
    """Send the regular file of a delivery, then its copies and corrections."""
    name = file_name(frame)
    frame, planted = apply(frame, plan.edits_of(frame), name)
    faults += planted
    content = encode(frame)
    days = plan.late.get((frame.feed, frame.period, frame.part))
    late = frame.contract.source.lateness_days // 5 + days if days else 0
    deliver(landing, frame, name, content, sent_at(frame.contract, frame.period, late))
    if days:
        faults.append(_file_fault("late_file", frame, name, {"type": "late", "days": days}))
    yield frame
    for extra in plan.extras_of(frame):
        again, name = frame, file_name(frame, extra.suffix)
        if extra.edits:
            again, planted = apply(frame, extra.edits, name)
            for fault in planted:
                if "column" in fault["outcome"]:
                    fault["outcome"] = {**fault["outcome"], "value": next(iter(fault["cells"].values()))}
            faults += planted
            bytes_again = encode(again)
        else:
            bytes_again = content
            faults.append(_file_fault("repeated_file", frame, name, {"type": "duplicate"}))
        deliver(landing, again, name, bytes_again, sent_at(frame.contract, frame.period, extra.days_late))
        yield again


def _file_fault(kind: str, frame: Frame, name: str, outcome: dict[str, Any]) -> dict[str, Any]:
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


def planned_files(city: City, spec: CitySpec, plan: Plan) -> list[str]:
    """Names of all files except manifests, in the order of delivery."""
    contracts, planned = feeds(), []
    for name, period, part, _ in deliveries(city, spec.years):
        frame = Frame(contracts[name], period, part, {})
        planned.append(f"{name}/{file_name(frame)}")
        planned += [f"{name}/{file_name(frame, extra.suffix)}" for extra in plan.extras_of(frame)]
    return planned


def generator_version() -> str:
    """Hash of everything the files' bytes depend on: this package, code lists, chain models, feeds' sources, numpy."""
    here = Path(__file__).parent
    state = hashlib.sha256(np.__version__.split(".")[0].encode())
    codes, models = (SCHEMAS / "codes").glob("*.csv"), MODELS.glob("*.yml")
    own = [path for path in here.rglob("*") if path.suffix in (".py", ".yml")]
    for path in sorted([*own, *codes, *models]):
        state.update(path.name.encode() + b"\0" + path.read_bytes())
    for name, contract in sorted(feeds().items()):
        if contract.source:
            state.update(f"{name}{contract.source.model_dump_json()}".encode())
    return state.hexdigest()[:16]


def _spec_json(spec: CitySpec) -> dict[str, Any]:
    return {"scale": spec.scale, "seed": spec.seed, "years": list(spec.years)}


def _read_marker(path: Path) -> dict[str, Any]:
    try:
        marker = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return marker if isinstance(marker, dict) else {}


def _remove(landing: Path, files: list[str]) -> None:
    """Remove another demo city's files, each manifest first: a file without a manifest is not ingested."""
    for name in files:
        path = landing / name
        if landing.resolve() in path.resolve().parents:
            path.with_name(f"{path.name}.manifest.json").unlink(missing_ok=True)
            path.unlink(missing_ok=True)
    (landing / MARKER).unlink(missing_ok=True)


def _report(kept: bool, state: dict[str, Any]) -> GenerationReport:
    comparison = tuple(
        Comparison(zh, unit, *(Decimal(v) for v in numbers))
        for zh, unit, *numbers in state["plan_comparison"]
    )
    return GenerationReport(kept, {f: dict(p) for f, p in state["records"].items()}, comparison)


def _csv(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    csv.write_csv(table, sink, csv.WriteOptions(include_header=False, quoting_style="none"))
    return ",".join(table.column_names).encode() + b"\n" + bytes(sink.getvalue())


def _dump(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8")
