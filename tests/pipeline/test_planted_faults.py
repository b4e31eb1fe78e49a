"""Every fault of the demo city, planted or frequent, has the outcome that its list names, in the built platform.

The lists are outside the warehouse and no job reads them. These tests compare them with the tables, one test per kind
of outcome, and check that no kind is left out.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from demo_city.faults.frequent.slips import is_refused
from ingest.register.entries import deliveries
from ingest.register.quarantine import quarantined as in_quarantine
from schemas.contract import factor, feed
from schemas.duckdb_types import with_years_as_text
from schemas.register import current_deliveries
from tests.built_city import SPEC, BuiltCity, build
from warehouse import duck, tables
from warehouse.releases import open_release
from warehouse.settings import settings

Fault = dict[str, Any]
COUNTS = ("records_in", "records_raw", "records_quarantined")


class City:
    """The built city's tables and reports, for comparison with the list of faults."""

    def __init__(self, city: BuiltCity) -> None:
        self.reports = {f.file: f for f in city.ingested.files}
        # a file whose records name their period has one entry per period
        self.register: dict[str, dict[str, Any]] = {}
        for row in deliveries():
            known = self.register.setdefault(row["source_file"], row | dict.fromkeys(COUNTS, 0))
            known |= {count: known[count] + row[count] for count in COUNTS}
        self.quarantined = {
            (r["source_file"], r["source_row"]): r["reasons"]
            for r in tables.rows("quarantine.record").to_pylist()
        }
        self._raw: dict[str, dict[tuple[str, int], dict[str, Any]]] = {}
        self._release = duck.connect(open_release().file, read_only=True)

    def raw(self, name: str) -> dict[tuple[str, int], dict[str, Any]]:
        if name not in self._raw:
            rows = tables.rows(f"raw.{name}").to_pylist()
            self._raw[name] = {(r["source_file"], r["source_row"]): r for r in rows}
        return self._raw[name]

    def current(self, name: str, uscc: str, period: str) -> list[dict[str, Any]]:
        """Rows of a firm in the current deliveries."""
        current = {d["delivery_id"] for d in current_deliveries(deliveries(), feed(name))}
        rows = self.raw(name).values()
        return [
            r for r in rows if r["delivery_id"] in current and r["uscc"] == uscc and r["period"] == period
        ]

    def select(self, sql: str) -> list[dict[str, Any]]:
        return with_years_as_text(duck.fetch(self._release, sql))

    def rows(self, table: str, **where: str) -> list[dict[str, Any]]:
        conditions = " AND ".join(f"{name} = ?" for name in where)
        found = duck.fetch(self._release, f"SELECT * FROM {table} WHERE {conditions}", list(where.values()))
        return with_years_as_text(found)


@pytest.fixture(scope="module")
def built_city(engine_remote: str, tmp_path_factory: pytest.TempPathFactory) -> BuiltCity:
    """A city with the frequent faults as well; the shared one has only the planted ones."""
    return build(tmp_path_factory.mktemp("faulty") / "home", engine_remote, replace(SPEC, slips=True))


@pytest.fixture
def slips(built_home: Path) -> list[dict[str, str]]:
    """The frequent faults, one line of the list for each."""
    with (built_home / "truth" / "frequent_faults.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def city(built_city: BuiltCity, built_home: Path) -> City:
    return City(built_city)


@pytest.fixture
def faults(built_home: Path) -> list[Fault]:
    planted: list[Fault] = json.loads(
        (built_home / "truth" / "planted_faults.json").read_text(encoding="utf-8")
    )
    return planted


def quarantined(city: City, fault: Fault) -> str | None:
    """The record is in quarantine with the reason, and not in the feed's table."""
    record = (fault["file"], fault["key"]["row"])
    if fault["outcome"]["reason"] not in city.quarantined.get(record, []):
        return f"quarantine has {city.quarantined.get(record)}"
    return "accepted as well" if record in city.raw(fault["feed"]) else None


def accepted(city: City, fault: Fault) -> str | None:
    """The record is in the feed's table, and a curated column has the value, if one is named."""
    outcome, record = fault["outcome"], (fault["file"], fault["key"]["row"])
    if record not in city.raw(fault["feed"]) or record in city.quarantined:
        return f"not accepted: {city.quarantined.get(record)}"
    if "column" not in outcome:
        return None
    key = {name: fault["key"][name] for name in ("uscc", "parcel_id") if name in fault["key"]}
    rows = city.rows(outcome["table"], **key, year=fault["period"][:4])
    values = [r[outcome["column"]] for r in rows]
    return None if values == [outcome["value"]] else f"{outcome['column']} is {values}"


def flag(city: City, fault: Fault) -> str | None:
    outcome = fault["outcome"]
    names = ("uscc", "right_transfer_code", "quota_transfer_code")
    key = {name: fault["key"][name] for name in names if name in fault["key"]}
    rows = city.rows(outcome["table"], **key, year=fault["period"][:4])
    flags = [r[outcome["column"]] for r in rows]
    return None if len(flags) == 1 and outcome["value"] in (flags[0] or ()) else f"flags are {flags}"


def population(city: City, fault: Fault) -> str | None:
    """The firm is in the population, once, with a reason if it is not graded."""
    rows = city.rows("per_mu.population", uscc=fault["key"]["uscc"], year=fault["period"][:4])
    if len(rows) != 1:
        return f"{len(rows)} rows in the population"
    status, reasons = rows[0]["eval_status_code"], rows[0]["status_reasons"]
    if status != "graded" and not reasons:
        return f"{status} without a reason"
    wanted = fault["outcome"].get("status", status)
    return None if status == wanted else f"{status} {reasons}, not {wanted}"


def superseded(city: City, fault: Fault) -> str | None:
    """The corrected snapshot is current: its value counts, or a row that it lacks is withdrawn."""
    outcome, name = fault["outcome"], fault["feed"]
    rows = city.current(name, fault["key"]["uscc"], fault["period"])
    if outcome.get("row_absent"):
        return None if rows == [] else "the withdrawn row still counts"
    source = feed(name).source
    heading = source.mapping[outcome["column"]].heading
    headings = city.register[fault["file"]]["headings"]
    values = [Decimal(_cell(r["source_record"], headings, heading or "")) for r in rows]
    return None if values == [Decimal(outcome["value"])] else f"{heading} is {values}"


def _cell(record: list[str], headings: list[str], heading: str) -> str:
    """A cell of an original record, which is a JSON line or a list of cells."""
    if record[0].startswith("{"):
        return str(json.loads(record[0], parse_float=str, parse_int=str)[heading])
    return record[headings.index(heading)]


def scaled(city: City, fault: Fault) -> str | None:
    """The parcel's uses do not exceed it, and one is flagged."""
    uses = city.rows("core.parcel_use", parcel_id=fault["key"]["parcel_id"], year=fault["period"])
    used, area = sum(u["used_area_mu"] for u in uses), uses[0]["parcel_area_mu"]
    flagged = any(fault["outcome"]["flag"] in u["land_flags"] for u in uses)
    return (
        None if used <= area and flagged else f"{used} of {area} mu, flags {[u['land_flags'] for u in uses]}"
    )


def duplicate(city: City, fault: Fault) -> str | None:
    report = city.reports[fault["file"]]
    registered = fault["file"] in city.register
    return (
        None if report.state == "repeated" and not registered else f"{report.state}, registered: {registered}"
    )


def late(city: City, fault: Fault) -> str | None:
    source = feed(fault["feed"]).source
    due = datetime(int(fault["period"]), 12, 31, 2, tzinfo=UTC) + timedelta(days=source.lateness_days)
    came = city.register[fault["file"]]["known_at"]
    return None if came == due + timedelta(days=fault["outcome"]["days"]) else f"came {came}, due {due}"


OUTCOMES = {
    f.__name__: f for f in (quarantined, accepted, flag, population, superseded, scaled, duplicate, late)
}


def test_every_kind_of_outcome_is_planted_and_judged(faults: list[Fault]) -> None:
    assert {f["outcome"]["type"] for f in faults} == set(OUTCOMES)


@pytest.mark.parametrize("kind", OUTCOMES)
def test_each_planted_fault_has_its_outcome(city: City, faults: list[Fault], kind: str) -> None:
    planted = [f for f in faults if f["outcome"]["type"] == kind]
    assert planted
    wrong = {
        f"{f['id']} {f['kind']} {f['feed']} {f['key']}": difference
        for f in planted
        if (difference := OUTCOMES[kind](city, f))
    }
    assert wrong == {}


def test_nothing_but_the_listed_records_is_quarantined(
    city: City, faults: list[Fault], slips: list[dict[str, str]]
) -> None:
    planted = {(f["file"], f["key"]["row"]) for f in faults if f["outcome"]["type"] == "quarantined"}
    frequent = {(s["file"], int(s["row"])) for s in slips if is_refused(s["outcome"])}
    repeats = {record for record in city.quarantined if Path(record[0]).stem.endswith("_corrected")}
    assert set(city.quarantined) - repeats == planted | frequent
    # a corrected snapshot repeats only the records that its sender left as they were
    open_cases = Counter(s["feed"] for s in slips if is_refused(s["outcome"]) and not s["corrected_by"])
    corrected = {s["corrected_by"] for s in slips} - {""}
    again = Counter(city.register[name]["feed"] for name, _ in repeats if name in corrected)
    assert not again - open_cases - Counter(f["feed"] for f in faults)


def test_each_frequent_fault_is_refused_for_its_reason_or_accepted(
    city: City, slips: list[dict[str, str]]
) -> None:
    wrong = {}
    for slip in slips:
        record, reason = (slip["file"], int(slip["row"])), slip["outcome"]
        if is_refused(reason):
            if city.quarantined.get(record) != [reason]:
                wrong[record] = (slip["kind"], city.quarantined.get(record))
        elif key_of(city.raw(slip["feed"]).get(record, {}), slip["feed"]) != slip["key"].split("|"):
            wrong[record] = (slip["kind"], city.quarantined.get(record))
        elif reason in ("accepted", "slipped") and slip["column"] not in feed(slip["feed"]).key:
            wanted = slip["meant" if reason == "accepted" else "sent"]
            if city.raw(slip["feed"])[record][slip["column"]] != value(slip, wanted):
                wrong[record] = (slip["kind"], wanted)
    assert wrong == {}
    assert {slip["kind"] for slip in slips} >= {
        "blanks",
        "wrong_check",
        "swapped",
        "missing",
        "with_unit",
        "repeated",
    }


def key_of(row: dict[str, Any], feed_name: str) -> list[str]:
    """Key of an accepted record without its period, in the sender's words."""
    spec = feed(feed_name)
    words = []
    for name in (k for k in spec.key if k in spec.source.mapping and spec.source.mapping[k].heading):
        codes = spec.source.mapping[name].codes or {}
        words.append(next((w for w, code in codes.items() if code == row.get(name)), str(row.get(name))))
    return words


def value(slip: dict[str, str], text: str) -> object:
    """A cell as its column holds it: a number in the column's unit, or a code."""
    spec = feed(slip["feed"])
    column = spec.column(slip["column"])
    if not column.type.startswith("decimal"):
        return text
    number = Decimal(text.removesuffix(spec.source.mapping[column.name].unit or "").replace(",", ""))
    places = int(column.type.rstrip(")").partition(",")[2])
    exact = number * factor(column, spec.source.mapping[column.name])
    return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def test_names_and_districts_and_falls_are_flagged(city: City, slips: list[dict[str, str]]) -> None:
    judged, wrong = Counter[str](), {}
    for slip in slips:
        key, year = slip["key"].split("|")[0], slip["period"][:4]
        found: object = None
        if slip["outcome"] == "flag:name_differs":
            [firm] = city.rows("core.enterprise", uscc=key, year=year)
            found = "name_differs" in firm["identity_flags"] or not firm["is_in_registry"]
        elif slip["outcome"] == "successor":
            table, name = {
                "gov_statistics_directory": ("core.enterprise", "uscc"),
                "gov_land_parcel": ("core.parcel", "parcel_id"),
            }[slip["feed"]]
            found = [r["district_code"] for r in city.rows(table, **{name: key}, year=year)] == [
                slip["meant"]
            ]
        elif slip["outcome"] == "flag:is_cumulative_fall":
            [month] = city.rows("core.enterprise_month", uscc=key, month=slip["period"])
            found = month["is_cumulative_fall"]
        else:
            continue
        judged[slip["outcome"]] += 1
        if not found:
            wrong[slip["file"], slip["row"]] = slip["kind"]
    assert wrong == {} and judged["flag:name_differs"] and judged["successor"]


def test_most_refused_records_are_corrected_by_a_later_file_and_the_others_stay_open(
    city: City, slips: list[dict[str, str]]
) -> None:
    refused = [s for s in slips if is_refused(s["outcome"])]
    closed = [s for s in refused if s["corrected_by"]]
    assert closed and len(closed) < len(refused)
    accepted: dict[str, set[tuple[str, ...]]] = {}
    for slip in closed:
        name, file = slip["feed"], slip["corrected_by"]
        if file not in accepted:
            rows = [row for record, row in city.raw(name).items() if record[0] == file]
            accepted[file] = {tuple(key_of(row, name)) for row in rows}
        assert tuple(slip["key"].split("|")) in accepted[file], slip
        assert city.register[file]["known_at"] > city.register[slip["file"]]["known_at"]
    # the list that people work off: snapshots drop out with their correction, events and increments stay
    waiting = {(r.row["source_file"], r.row["source_row"]) for r in in_quarantine()}
    open_cases = {(s["file"], int(s["row"])) for s in refused if not s["corrected_by"]}
    replaced = {s["file"] for s in closed if feed(s["feed"]).delivery == "snapshot"}
    assert {case for case in open_cases if case[0] not in replaced} <= waiting
    assert not {record for record in waiting if record[0] in replaced}


def test_records_in_are_raw_plus_quarantined_for_every_file(city: City) -> None:
    for name, delivery in city.register.items():
        assert delivery["records_in"] == delivery["records_raw"] + delivery["records_quarantined"], name
        in_raw = [record for record in city.raw(delivery["feed"]) if record[0] == name]
        in_quarantine = [record for record in city.quarantined if record[0] == name]
        assert (len(in_raw), len(in_quarantine)) == (
            delivery["records_raw"],
            delivery["records_quarantined"],
        ), name
        manifest = manifest_of(delivery["feed"], name)
        assert manifest["records"] == delivery["records_in"], name


def manifest_of(feed_name: str, file: str) -> dict[str, Any]:
    path = settings().landing / feed_name / f"{file}.manifest.json"
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def test_exactly_the_planted_holders_of_permits_withhold_their_report(city: City, built_home: Path) -> None:
    with (built_home / "truth" / "withheld_reports.csv").open(encoding="utf-8", newline="") as file:
        planted = {(r["uscc"], r["year"], r["permit_code"]) for r in csv.DictReader(file)}
    rows = city.select(
        """SELECT uscc, year, permit_code FROM core.enterprise_year
        WHERE list_contains(missing_feeds, 'gov_emission') AND NOT list_contains(quarantined_feeds, 'gov_emission')"""
    )
    assert {(r["uscc"], r["year"], r["permit_code"]) for r in rows} == planted
    scored = city.select(
        "SELECT DISTINCT uscc, year FROM per_mu.indicator_value WHERE note_code = 'withheld_zero'"
    )
    assert scored and {(r["uscc"], r["year"]) for r in scored} <= {(u, y) for u, y, _ in planted}
