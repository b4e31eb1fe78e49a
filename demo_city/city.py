"""The demo city (示范城市): generate the files that the systems of a synthetic Ningbo send.

>>> CitySpec(scale=0.02, until=date(2025, 8, 15)).sent_years
(2020, 2021, 2022, 2023, 2024, 2025)
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from demo_city import marker
from demo_city.aims.totals import Comparison, compare_with_plan
from demo_city.faults.faults import plan_faults
from demo_city.faults.frequent.rates import rates
from demo_city.faults.frequent.spoil import Spoiler
from demo_city.faults.kept import kept_codes
from demo_city.faults.plan import Plan
from demo_city.faults.successions import Identities, plan_identities, with_branches
from demo_city.frame import Frame
from demo_city.senders.schedule import Delivery, by_group, calendars, deliveries
from demo_city.sending import File, Planted, files_of, send
from demo_city.truth import is_complete, write_identities, write_planted, write_state
from demo_city.world.chains import MODELS
from demo_city.world.city import City, build_city
from demo_city.world.parameters import parameters
from schemas.contract import SCHEMAS, feeds
from schemas.errors import UsageError
from schemas.today import FILE, synthetic_day

MIN_SCALE, MAX_SCALE = 0.005, 10.0


def complete_on(year: int) -> date:
    """The day by which every file with a year's data is sent; the last ones are the consents of the middle of June.

    Its evaluation, which rests on these data, goes on until the autumn.
    """
    return date(year + 1, 7, 1)


@dataclass(frozen=True)
class CitySpec:
    """Scale, seed, years and day of a city; the same spec gives the same bytes.

    The regular faults and changes of identity are planted in ``years``, whatever the day. Without a day, all files
    of these years are sent and none of later years.

    Raises:
        UsageError: the scale, the years or the day are out of range.
    """

    scale: float = 1.0
    seed: int = 2020
    years: tuple[int, ...] = (2020, 2021, 2022, 2023, 2024)
    #: Faults as frequent as in real feeds; without them the files have only the planted ones.
    slips: bool = True
    #: The city's today: files with a later date of sending do not exist yet.
    until: date | None = None

    def __post_init__(self) -> None:
        first = parameters().base_year
        if not MIN_SCALE <= self.scale <= MAX_SCALE:
            raise UsageError(f"scale {self.scale}: give a scale from {MIN_SCALE} to {MAX_SCALE:g}")
        if self.seed < 0:
            raise UsageError(f"seed {self.seed}: give a whole number of 0 or more")
        years = list(self.years)
        if not years or years != list(range(years[0], years[0] + len(years))):
            raise UsageError(f"years {years}: give consecutive years in order, such as 2023 2024")
        if years[0] < first or years[-1] > parameters().last_year:
            raise UsageError(f"years {years}: the demo city covers {first} to {parameters().last_year}")
        earliest, latest = complete_on(years[0]), date(parameters().last_year, 12, 31)
        if self.until and not earliest <= self.until <= latest:
            raise UsageError(
                f"{self.until}: give a day from {earliest}, when {years[0]} is complete, to {latest}, the last one"
            )

    @property
    def today(self) -> date:
        """The city's day."""
        return self.until or complete_on(self.years[-1])

    @property
    def sent_years(self) -> tuple[int, ...]:
        """Years of which files may be sent."""
        return tuple(range(self.years[0], self.until.year + 1)) if self.until else self.years

    @property
    def complete_years(self) -> tuple[int, ...]:
        """Years of which all files are sent."""
        return tuple(year for year in self.sent_years if complete_on(year) <= self.today)


#: The day of the usual demo city: the first on which all files of its years are sent.
USUAL_DAY = complete_on(CitySpec().years[-1])


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
    true positions, changes of land) to ``truth``.

    If the same city already exists there, nothing is written. If it exists up to an earlier day, only the files sent
    since then are written. Files of another demo city are removed first; files that no demo city wrote are left alone.

    Args:
        progress: called with the feed's name and the number of records after each file.
        complete: called with the name of a group of feeds when all its files are written.

    Raises:
        UsageError: the folder's city has reached a later day.
    """
    landing.mkdir(parents=True, exist_ok=True)
    truth.mkdir(parents=True, exist_ok=True)
    before = marker.read(landing)
    refuse_earlier(spec, landing)
    if is_there(spec, landing, truth):
        return _report(True, before)
    is_same = before.get("city") == _identity(spec)
    if not is_same:
        marker.remove(landing, before.get("files", []))
    known = before if is_same and before["complete"] and is_complete(truth) else {}

    city = build_city(parameters(), spec.seed, spec.scale)
    plan = plan_faults(city, spec.years)
    identities = plan_identities(city, spec.years, plan.taken)
    plan = dataclasses.replace(plan, edits=(*plan.edits, *identities.edits))
    kept = kept_codes(city, spec.years, plan, identities)
    districts = tuple(d.pinyin for d in city.p.districts)
    spoiler = Spoiler(rates() if spec.slips else None, spec.seed, city.p.base_year, kept, districts)
    planned = _planned(city, spec, plan, spoiler)
    state: marker.State = {
        "city": _identity(spec),
        "today": spec.today.isoformat(),
        "complete": False,
        "files": [file.path for _, files in planned for file in files],
    }
    sent_ever = calendars(city, tuple(range(spec.years[0], parameters().last_year + 1)))
    marker.write(landing, state, sent_ever)
    there = set(known.get("files", ()))
    records = {name: Counter(periods) for name, periods in known.get("records", {}).items()}
    planted: dict[int, Planted] = {}
    for group, sent in by_group(delivery for delivery, _ in planned):
        for number, (_, _, _, build) in sent:
            new = [file for file in planned[number][1] if file.path not in there]
            found = planted.setdefault(number, Planted())
            for frame in send(landing, new, partial(_built, build, identities), plan, spoiler, found):
                records.setdefault(frame.feed, Counter())[frame.period] += frame.rows
                progress(frame.feed, frame.rows)
        complete(group)
    write_state(city, spec.complete_years, truth)
    write_planted(truth, planned, planted, is_continued=bool(known))
    write_identities(truth, identities.truth, state["files"])
    state |= {
        "complete": True,
        "records": records,
        "plan_comparison": [[str(v) for v in vars(c).values()] for c in compare_with_plan(city)],
    }
    marker.write(landing, state, sent_ever)
    return _report(False, state)


def _built(build: Callable[[], Frame], identities: Identities) -> Frame:
    return with_branches(build(), identities)


def refuse_earlier(spec: CitySpec, landing: Path) -> None:
    """Refuse a day before that of the city in the folder: what was sent cannot be taken back.

    Raises:
        UsageError: the folder's city has reached a later day.
    """
    there = synthetic_day(landing)
    if spec.until and there and spec.until < there.day:
        raise UsageError(
            f"--until {spec.until}: this home's synthetic city (合成城市) has reached {there.day}; "
            "give that day or a later one, or another home (BRAIN_HOME)"
        )


def is_there(spec: CitySpec, landing: Path, truth: Path) -> bool:
    """Whether the landing folder holds exactly this city, complete, with its day and its truth files."""
    state = marker.read(landing)
    same = state.get("city") == _identity(spec) and state.get("today") == spec.today.isoformat()
    return bool(state.get("complete")) and same and (landing / FILE).exists() and is_complete(truth)


def _identity(spec: CitySpec) -> dict[str, Any]:
    """What the bytes of the city's files depend on; its day only decides which of them exist."""
    return {
        "scale": spec.scale,
        "seed": spec.seed,
        "years": list(spec.years),
        "slips": spec.slips,
        "has_day": spec.until is not None,
        "version": generator_version(),
    }


def _planned(city: City, spec: CitySpec, plan: Plan, spoiler: Spoiler) -> list[tuple[Delivery, list[File]]]:
    """Deliveries with their files, in the order of delivery; only those of which a file is sent."""
    every = (
        (delivery, files_of(delivery, plan, spoiler, spec.until))
        for delivery in deliveries(city, spec.sent_years)
    )
    return [(delivery, files) for delivery, files in every if files]


def generator_version() -> str:
    """Hash of everything the files' bytes depend on: this package, code lists, chain models, feeds' sources, numpy."""
    here = Path(__file__).parent
    state = hashlib.sha256(np.__version__.split(".")[0].encode())
    codes, models = (SCHEMAS / "codes").glob("*.csv"), MODELS.glob("*.yml")
    # what judges a city changes no file
    own = [p for p in here.rglob("*") if p.suffix in (".py", ".yml") and p.parent != here / "aims"]
    for path in sorted([*own, *codes, *models]):
        state.update(path.name.encode() + b"\0" + path.read_bytes())
    for name, contract in sorted(feeds().items()):
        if contract.source:
            state.update(f"{name}{contract.source.model_dump_json()}".encode())
    return state.hexdigest()[:16]


def _report(kept: bool, state: dict[str, Any]) -> GenerationReport:
    comparison = tuple(
        Comparison(zh, unit, *(Decimal(v) for v in numbers))
        for zh, unit, *numbers in state["plan_comparison"]
    )
    return GenerationReport(kept, {f: dict(p) for f, p in state["records"].items()}, comparison)
