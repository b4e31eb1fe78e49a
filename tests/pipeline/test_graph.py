"""What a change makes stale in the graph and what it does not, on a real small city."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake
from pyspark.sql import SparkSession

import jobs.core.parcel
from ingest.register.decisions import withdraw
from ingest.register.deliveries import DELIVERY, QUARANTINE
from ingest.register.entries import deliveries
from ingest.ways.landing import ingest
from jobs.core import parcel
from jobs.job import Input, Job
from pipeline.code_hash import code_hash
from pipeline.fingerprint import fingerprints, stale_tables, stored_fingerprints
from pipeline.inputs import read_input
from pipeline.periods import input_periods, target_periods
from pipeline.publish import publish
from pipeline.registry import GraphError, check_jobs, registry, select_jobs
from pipeline.run import _in_order_and_memory, in_order, make_anew, run_tables
from schemas.contract import contract
from schemas.errors import RejectedError, UsageError
from tests.built_city import (
    WITHOUT_ROWS,
    YEARS,
    BuiltCity,
    assert_whole,
    at_home,
    copy,
    one_line,
    staged_hashes,
    versions,
)
from warehouse import engine, releases, tables
from warehouse.settings import Settings, settings

#: The figures of a year, and which of them may be shown.
OF_YEAR = ["core.enterprise_year", "core.consent_state"]
#: Sums for everybody, of the figures of a year; rules of the evaluation do not matter.
PUBLISHED_SUMS = ["bulletin.city_total", "bulletin.district_total", "bulletin.division_total"]
#: Everything below core.enterprise_year that shows a year alone.
AFTER_YEAR = [
    "per_mu.population", "per_mu.land_review", "per_mu.unit", "per_mu.adjustment", "per_mu.baseline",
    "per_mu.city_rank", "per_mu.indicator_value", "per_mu.enterprise_grade", "per_mu.district_summary",
    "per_mu.confirmation", "per_mu.objection", "per_mu.group_score", "per_mu.procedure", "per_mu.publication",
    "per_mu.parcel_figure", "per_mu.object_unit", "per_mu.object_baseline", "per_mu.object_indicator_value",
    "per_mu.object_grade", "resource.carbon_code", "bulletin.grade_list", *PUBLISHED_SUMS,
]  # fmt: skip
#: What follows from grades; each year also looks at the years before it.
AFTER_GRADES = [
    *(f"resource.consequence{part}" for part in ("", "_city", "_correction", "_district")),
    *(f"resource.energy_{part}" for part in ("allocation", "ledger", "quota", "quota_district", "transfer")),
    "resource.land_potential", "resource.land_potential_district", "resource.lifted", "resource.low_efficiency",
    "resource.low_efficiency_district", "resource.power_price_month",
]  # fmt: skip
#: The same for what follows from the figures of firms whatever their grades.
AFTER_FIGURES = [
    "resource.emission_ledger", "resource.emission_right", "resource.emission_transfer", "resource.land_promise",
]  # fmt: skip
#: What shows visits to listed firms, or reads the list.
AFTER_VISITS = [
    "resource.low_efficiency", "resource.low_efficiency_district", "resource.land_potential",
    "resource.land_potential_district",
]  # fmt: skip
MONTHS = [f"2024-{month:02d}" for month in range(2, 13)]
LAST = "2024-12"
#: Periods of the tables that have other periods than the years.
PERIODS = {
    "core.enterprise_month": MONTHS,
    # energy is handed on between two years; billing months are known for the year of monthly readings
    "resource.energy_transfer": YEARS[1:],
    "resource.power_price_month": [*YEARS[:2], "2024-01", *MONTHS],
    **{name: [LAST] for name in ("chain.trade", "chain.supply_flow")},
    **{f"chain.{name}_month": MONTHS for name in ("node_metrics", "chain_metrics")},
    **{
        f"profile.{name}_month": [LAST]
        for name in ("enterprise_profile", "enterprise_tag", "comprehensive_score")
    },
}
PER_MU_OF_EVENTS = [
    "per_mu.adjustment", "per_mu.enterprise_grade", "per_mu.district_summary", "per_mu.group_score",
    "per_mu.procedure", "per_mu.publication", "bulletin.grade_list",
]  # fmt: skip
#: The values of indicators and everything below them that follows from grades.
BELOW_VALUES = [
    "per_mu.indicator_value", "per_mu.confirmation", "per_mu.objection",
    *(name for name in PER_MU_OF_EVENTS if name != "per_mu.adjustment"), *AFTER_GRADES,
]  # fmt: skip


def with_jobs(monkeypatch: pytest.MonkeyPatch, declared: dict[str, Job]) -> None:
    """Make the registry return these jobs."""
    for module in ("registry", "fingerprint", "run"):
        monkeypatch.setattr(f"pipeline.{module}.registry", lambda: declared)


def all_of(names: list[str], *years: str) -> dict[str, list[str]]:
    return {name: list(years) for name in names}


def since(table: str, year: str) -> list[str]:
    """The periods of a table from a year on."""
    return [period for period in PERIODS.get(table, YEARS) if period >= year]


def from_year_on(names: Iterable[str], year: str) -> dict[str, list[str]]:
    return {name: since(name, year) for name in names}


def looking_back(year: str) -> dict[str, list[str]]:
    """Tables that compare a year's figures with later ones, or show them as history; suppliers show a year's grade."""
    return from_year_on(
        [
            "chain.node_metrics", "chain.chain_metrics", "chain.gap", "chain.target_progress",
            "profile.enterprise_profile", "profile.enterprise_tag", "profile.comprehensive_score",
            "chain.node_metrics_month", "chain.chain_metrics_month", "profile.enterprise_profile_month",
            "profile.enterprise_tag_month", "profile.comprehensive_score_month",
        ],
        year,
    ) | {"chain.local_supplier": [year]}  # fmt: skip


def resources(year: str) -> dict[str, list[str]]:
    """Tables of what follows from a year's grades and figures, from that year on."""
    return from_year_on([*AFTER_GRADES, *AFTER_FIGURES], year)


def positions(year: str) -> dict[str, list[str]]:
    """Tables of firms' positions from a year on, and of suppliers, which follow from positions."""
    return from_year_on(["chain.node_enterprise", "chain.supply_flow", "chain.local_supplier"], year)


def registered(year: str) -> dict[str, list[str]]:
    """Tables that the registry of a year reaches: identities from then on, and positions of all years.

    Trades follow identities and count for the positions of all years.
    """
    named = [
        "core.enterprise", "core.enterprise_identifier", "core.enterprise_month", *OF_YEAR, "core.consent",
        "core.identity_review", "core.parcel", "core.parcel_use", "core.service_firm", "core.succession",
        "chain.node", "chain.trade",
    ]  # fmt: skip
    own = {"core.identity_event": [year]} | resources(year)
    return own | from_year_on([*named, *AFTER_YEAR], year) | looking_back(YEARS[0]) | positions(YEARS[0])


def redelivered(feed: str, period: str, refused: int = 0) -> list[dict[str, Any]]:
    """The register with one more delivery: the period's first part again, later, with so many quarantined records."""
    known = deliveries()
    old = next(d for d in known if d["feed"] == feed and d["period"] == period)
    new = {**old, "delivery_id": "again", "known_at": datetime(2030, 1, 1, tzinfo=UTC), "sequence": 10_000}
    new["records_quarantined"] = refused
    assert old["records_quarantined"] == 0, (
        "a quarantined record would make the quarantine's readers stale too"
    )
    return [*known, new]


# --- what a change reaches ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("feed", "period", "stale"),
    [
        (
            "gov_tax",
            "2022",
            all_of([*OF_YEAR, *AFTER_YEAR], "2022") | looking_back("2022") | resources("2022"),
        ),
        # meter accounts are identifiers, which identify who trades
        (
            "gov_electricity",
            "2024-05",
            all_of(
                ["core.enterprise_identifier", "core.identity_review", *OF_YEAR, *AFTER_YEAR],
                "2024",
            )
            | {"core.enterprise_month": ["2024-05"], "chain.trade": [LAST]}
            # only one month has trades, and years without trades use it
            | looking_back("2022")
            | positions("2022")
            | resources("2024"),
        ),
        (
            "gov_honour",
            "2022",
            all_of(["core.enterprise_event", *PER_MU_OF_EVENTS], "2022")
            | from_year_on(AFTER_GRADES, "2022")
            | looking_back("2022")
            | positions("2022"),
        ),
        (
            "gov_land_survey",
            "2022",
            all_of(["core.parcel", "core.parcel_use", *OF_YEAR, *AFTER_YEAR], "2022")
            | looking_back("2022")
            | resources("2022"),
        ),
        # visits of a year count for the later lists as well
        ("gov_enterprise_visit", "2022", from_year_on(AFTER_VISITS, "2022")),
        # the registry of a year also describes the years after it, never those before
        ("gov_business_registry", "2024", registered("2024")),
        ("gov_business_registry", "2022", registered("2022")),
    ],
)
def test_one_delivery_makes_exactly_its_dependants_stale(
    built_home: Path, feed: str, period: str, stale: dict[str, list[str]]
) -> None:
    assert stale_tables(deliveries()) == {}
    assert stale_tables(redelivered(feed, period)) == stale


def test_a_quarantined_record_reaches_the_readers_of_its_feeds_quarantine(built_home: Path) -> None:
    """The firms of the directory depend on its own quarantined records, and not on those of a tax office."""
    clean = stale_tables(redelivered("gov_tax", "2022"))
    assert stale_tables(redelivered("gov_tax", "2022", refused=3)) == clean
    assert "core.enterprise" not in clean
    honours = stale_tables(redelivered("gov_honour", "2022", refused=3))
    assert honours["core.enterprise_year"] == ["2022"] and "core.enterprise" not in honours
    listed = stale_tables(redelivered("gov_statistics_directory", "2022", refused=3))
    assert "2022" in listed["core.enterprise"]


def test_a_part_of_the_quarantine_has_the_records_of_its_feed_and_no_others(built_home: Path) -> None:
    known = deliveries()
    wanted = fingerprints(known)

    def read(feed: str | None) -> Counter[str]:
        rows = read_input(Input(QUARANTINE, feed=feed), YEARS, wanted, known)
        return Counter(row["feed"] for row in rows.select("feed").collect())

    every = read(None)
    assert len(every) > 2
    assert read("gov_statistics_directory") == {"gov_statistics_directory": every["gov_statistics_directory"]}


def test_a_corrected_file_rebuilds_exactly_the_tables_and_periods_that_need_it(
    built_city: BuiltCity, changed_city: BuiltCity
) -> None:
    assert [(f.file, f.state) for f in changed_city.ingested.taken] == [("tax_2022_again.csv", "taken")]
    made_anew = all_of([*OF_YEAR, *AFTER_YEAR], "2022") | looking_back("2022") | resources("2022")
    assert changed_city.made.made == made_anew
    assert changed_city.made.fresh == [name for name in registry() if name not in made_anew]
    before, after = (_versions(city) for city in (built_city, changed_city))
    grown = {path for path in after if after[path] != before[path]}
    made = {f"staged/{_folder(name)}" for name in changed_city.made.made}
    assert grown == made | {"raw/gov_tax", "raw/delivery"}
    assert all(after[path] == before[path] + 1 for path in grown)


def test_a_withdrawn_correction_leaves_every_table_as_it_was_before_it(
    built_city: BuiltCity, changed_copy: Path, engine_remote: str
) -> None:
    [again] = [d for d in deliveries() if d["source_file"] == "tax_2022_again.csv"]
    changed = staged_hashes()
    withdraw(again["delivery_id"], "错报", "张三")
    stale = all_of([*OF_YEAR, *AFTER_YEAR], "2022") | looking_back("2022") | resources("2022")
    assert stale_tables(deliveries()) == stale, "the same periods as the correction made stale"
    run_tables()
    with at_home(built_city.home, engine_remote):
        before = staged_hashes()
    assert staged_hashes() == before != changed
    assert not publish().is_new, "release 1 already holds the content that is current again"


def _folder(name: str) -> str:
    """The folder of a table: contracts with a later version have one of their own."""
    version = contract(name).version
    return name.replace(".", "/") + (f"@{version}" if version > 1 else "")


def _versions(city: BuiltCity) -> dict[str, int]:
    with at_home(city.home, "none"):
        return versions()


def test_the_years_that_were_not_stale_keep_their_files(
    built_city: BuiltCity, changed_city: BuiltCity
) -> None:
    def files(city: BuiltCity) -> set[str]:
        path = city.home / "warehouse" / "staged" / "per_mu" / "enterprise_grade"
        return {uri.rsplit("year=", 1)[1] for uri in DeltaTable(str(path)).file_uris()}

    differing = files(built_city) ^ files(changed_city)
    assert differing and all(name.startswith("2022/") for name in differing)


def test_run_and_ingest_twice_write_nothing(built_copy: Path) -> None:
    before = versions()
    assert ingest().taken == []
    report = run_tables()
    assert report.made == {} and report.fresh == list(registry())
    assert versions() == before


def test_tables_are_rebuilt_without_their_inputs(built_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, content = versions(), staged_hashes()
    make_anew(["per_mu.baseline", "chain.gap"], ["2023", "2024-12"])
    grown = {path for path, number in versions().items() if number != before[path]}
    assert grown == {"staged/per_mu/baseline", "staged/chain/gap"}
    assert staged_hashes() == content
    assert stale_tables(deliveries()) == {}
    monkeypatch.setattr("pipeline.run.stale_periods", lambda _: {"core.parcel": ["2023"]})
    with pytest.raises(RejectedError) as error:
        make_anew(["per_mu.baseline"], ["2023"])
    assert one_line(error.value) == "core.parcel is not up to date with its inputs; run ./brain run first"


def test_optimize_and_empty_commits_make_nothing_stale(built_copy: Path) -> None:
    before = versions()
    for name in (DELIVERY, "raw.gov_tax", "core.enterprise", "per_mu.population"):
        table = tables.open_table(name)
        table.optimize.compact()
        nothing = contract(name).arrow_schema().empty_table()
        write_deltalake(
            table, nothing, mode="append", commit_properties=CommitProperties(custom_metadata={"by": "test"})
        )
    assert sum(versions().values()) > sum(before.values())
    assert stale_tables(deliveries()) == {}
    assert run_tables().made == {}


# --- code, contract, rules ---------------------------------------------------------------------------


def test_changed_code_makes_its_table_and_all_below_stale(
    built_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = code_hash
    changed = "per_mu.indicator_value"
    monkeypatch.setattr(
        "pipeline.fingerprint.code_hash", lambda job: "new" if job.table == changed else real(job)
    )
    assert stale_tables(deliveries()) == from_year_on([*BELOW_VALUES, *looking_back("2022")], "2022")


def test_a_changed_contract_makes_its_table_and_all_below_stale(
    built_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = contract
    spec = real("per_mu.baseline").model_copy(update={"version": 2})
    monkeypatch.setattr(
        "pipeline.fingerprint.contract", lambda name: spec if name == spec.name else real(name)
    )
    below = ["per_mu.baseline", *BELOW_VALUES, *looking_back("2022")]
    assert stale_tables(deliveries()) == from_year_on(below, "2022")


def test_a_changed_rule_set_makes_only_its_year_stale(
    built_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = registry()["per_mu.district_summary"]
    assert job.rules is not None
    book = job.rules()
    old = next(r for r in book.all() if r.year == "2023")  # type: ignore[attr-defined]
    other = book.replace(old.model_copy(update={"source": "another article"}))  # type: ignore[attr-defined]
    changed = {
        name: replace(j, rules=lambda: other) if j.rules is job.rules else j for name, j in registry().items()
    }
    with_jobs(monkeypatch, changed)
    # figures of chains are compared with those of the year before, but show grades of their own year only
    grades = ["chain.node_metrics", "chain.chain_metrics", "chain.gap"]
    reached = (
        looking_back("2023") | all_of([*AFTER_YEAR, *grades], "2023") | from_year_on(AFTER_GRADES, "2023")
    )
    months = ("chain.node_metrics_month", "chain.chain_metrics_month")
    without = {*months, "resource.carbon_code", *PUBLISHED_SUMS}
    assert stale_tables(deliveries()) == {name: p for name, p in reached.items() if name not in without}


# --- full, engines -----------------------------------------------------------------------------------


def assert_full_equals_incremental(city: BuiltCity, home: Path, remote: str) -> None:
    """The city was built in two steps; a full rebuild on this engine must give the same content."""
    with at_home(city.home, "none"):
        incremental = staged_hashes()
    times = Counter(incremental.values())
    assert {name for name, content in incremental.items() if times[content] > 1} == WITHOUT_ROWS
    assert set(incremental) == set(registry())
    with at_home(copy(city, home), remote):
        before = versions()
        assert run_tables(full=True).made == {name: since(name, YEARS[0]) for name in registry()}
        assert staged_hashes() == incremental
        assert stale_tables(deliveries()) == {}
        grown = [path for path, number in versions().items() if number != before[path]]
        assert sorted(grown) == sorted(f"staged/{_folder(name)}" for name in registry())


def test_full_equals_incremental_whatever_the_partitions(
    changed_city: BuiltCity, engine_remote: str, spark: SparkSession, tmp_path: Path
) -> None:
    """Other partitions combine rows in another order, which would change sums of doubles."""
    usual = spark.conf.get("spark.sql.shuffle.partitions")
    assert usual != "3"
    spark.conf.set("spark.sql.shuffle.partitions", "3")
    try:
        assert_full_equals_incremental(changed_city, tmp_path / "home", engine_remote)
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", str(usual))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("name", "cores"), [("embedded", 1), ("embedded", 2), ("embedded", 7), ("spark", 1), ("spark", 4)]
)
def test_full_equals_incremental_on_any_number_of_cores(
    changed_city: BuiltCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, cores: int
) -> None:
    monkeypatch.setenv("SAIL_EXECUTION__DEFAULT_PARALLELISM", str(cores))
    config = Settings(
        home=tmp_path / "engine", engine=name, spark_master=f"local[{cores}]", spark_memory="2g",
        engine_idle_minutes=120, engine_address=None,
    )  # fmt: skip
    engine.connect(config)
    try:
        assert_full_equals_incremental(changed_city, tmp_path / "home", engine._address(config))
    finally:
        engine.stop(config)


# --- withdrawn periods -------------------------------------------------------------------------------


def test_a_withdrawn_period_is_removed(built_copy: Path) -> None:
    """Without its directory a year has no firms, so the table keeps neither rows nor a fingerprint of it."""
    tables.open_table(DELIVERY).delete("feed = 'gov_statistics_directory' AND period = '2024'")
    assert stale_tables(deliveries())["core.enterprise"] == ["2024"]
    report = run_tables(["core.enterprise"])
    assert report.made == {"core.enterprise": []}
    assert set(tables.rows("core.enterprise", ["year"])["year"].to_pylist()) == {"2022", "2023"}
    assert list(stored_fingerprints("core.enterprise")) == ["2022", "2023"]
    assert run_tables(["core.enterprise"]).made == {}


# --- one clear line ----------------------------------------------------------------------------------


@pytest.fixture
def fresh_registry() -> Iterator[None]:
    """The registry is collected again, before the test and after it."""
    registry.cache_clear()
    yield
    registry.cache_clear()


def test_a_cycle_is_named(fresh_registry: None, monkeypatch: pytest.MonkeyPatch) -> None:
    cyclic = replace(jobs.core.parcel.JOB, inputs={"uses": Input("core.parcel_use")})
    monkeypatch.setattr(jobs.core.parcel, "JOB", cyclic)
    with pytest.raises(GraphError) as error:
        registry()
    message = one_line(error.value)
    assert "cycle" in message and "core.parcel" in message and "core.parcel_use" in message


def test_a_job_of_another_name_is_refused(fresh_registry: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs.core.parcel, "JOB", replace(jobs.core.parcel.JOB, table="core.parcel_use"))
    with pytest.raises(GraphError, match=r"jobs\.core\.parcel builds core\.parcel_use"):
        registry()


def test_a_table_without_job_and_a_job_without_periods_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    check_jobs()
    declared = registry()
    without = {name: job for name, job in declared.items() if name != "core.parcel"}
    with_jobs(monkeypatch, without)
    with pytest.raises(GraphError, match=r"core\.parcel has a contract but no job; add jobs/core/parcel\.py"):
        check_jobs()
    late = replace(declared["core.parcel"], inputs={"registered": Input("raw.gov_land_parcel", "upto")})
    with_jobs(monkeypatch, {**declared, "core.parcel": late})
    with pytest.raises(GraphError, match=r"core\.parcel: registered gives the periods"):
        check_jobs()
    for part in (Input("raw.gov_tax", feed="gov_tax"), Input(QUARANTINE, feed="gov_taxes")):
        odd = replace(declared["core.parcel"], inputs={**declared["core.parcel"].inputs, "odd": part})
        with_jobs(monkeypatch, {**declared, "core.parcel": odd})
        with pytest.raises(GraphError, match=rf"input {part.table} has no part for feed {part.feed}"):
            check_jobs()
    lost = replace(declared["core.parcel"], periods={"months": "last"})
    with_jobs(monkeypatch, {**declared, "core.parcel": lost})
    with pytest.raises(GraphError, match=r"core\.parcel: months is to give its periods"):
        check_jobs()


def test_periods_are_those_of_the_inputs_that_give_them() -> None:
    inputs = {"years": Input("core.enterprise", "year_of"), "months": Input("raw.gov_tax")}
    known = {
        "core.enterprise": dict.fromkeys(["2023", "2024"], "x"),
        "raw.gov_tax": dict.fromkeys(["2024-01", "2024-02"], "x"),
    }

    def periods(**givers: Any) -> list[str]:
        return target_periods(Job("core.parcel", parcel.parcel, inputs, givers), known)

    assert periods() == ["2023", "2024"]
    assert periods(years="each", months="each") == ["2023", "2024", "2024-01", "2024-02"]
    assert periods(years="each", months="last") == ["2023", "2024", "2024-02"]
    assert target_periods(Job("core.parcel", parcel.parcel, inputs, {"months": "last"}), {}) == []
    # a month reads its year of one input and itself of the other
    assert input_periods("year_of", "2024-02", known["core.enterprise"]) == ["2024"]
    assert input_periods("to_date", "2024-02", known["raw.gov_tax"]) == ["2024-01", "2024-02"]
    assert input_periods("to_date", "2024", ["2023-12", "2024", "2024-01"]) == ["2024-01"]


def test_an_unknown_area_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as error:
        select_jobs(["per_mu", "nowhere"])
    assert (
        one_line(error.value)
        == "unknown area or table nowhere; areas: bulletin, chain, core, per_mu, profile, resource"
    )


def test_a_table_is_selected_with_what_it_needs_and_nothing_else() -> None:
    assert [job.table for job in select_jobs(["core.parcel_use"])] == [
        "core.identity_event", "core.succession", "core.parcel", "core.parcel_use",
    ]  # fmt: skip
    assert {job.table for job in select_jobs([])} == set(registry())


def test_no_evaluation_reads_consents() -> None:
    """Whether a firm consents can change no score, rank, grade, position or tag."""
    consents = {"raw.ent_consent", "core.consent", "core.consent_state"}
    readers = {
        name for name, job in registry().items() if consents & {given.table for given in job.inputs.values()}
    }
    assert readers == {"core.consent", "core.consent_state"}


def test_jobs_run_after_their_inputs() -> None:
    seen: set[str] = set()
    for name, job in registry().items():
        made_here = {given.table for given in job.inputs.values()} & set(registry())
        assert made_here <= seen, name
        seen.add(name)
    assert QUARANTINE not in seen


def test_a_period_without_data_is_named_with_those_that_have_data(built_home: Path) -> None:
    with pytest.raises(RejectedError) as error:
        run_tables(period="1999")
    with_data = ", ".join(sorted({*YEARS, *(period for periods in PERIODS.values() for period in periods)}))
    assert one_line(error.value) == f"no data for period 1999; periods with data: {with_data}"


def test_an_empty_home_says_what_to_do_first(home: Path) -> None:
    with pytest.raises(RejectedError) as error:
        run_tables()
    assert one_line(error.value) == "nothing has been ingested yet; run ./brain ingest first"


# --- ingest's counts ---------------------------------------------------------------------------------


def test_every_delivered_file_is_accounted_for(built_city: BuiltCity, built_home: Path) -> None:
    """Records in = raw + quarantined, for each file and in the tables; every format is delivered."""
    taken = built_city.ingested.taken
    assert built_city.ingested.rejected == []
    assert {Path(f.file).suffix for f in taken} == {".csv", ".jsonl", ".xlsx"}
    sent = {p.name for p in (settings().landing).glob("*/*") if not p.name.endswith(".manifest.json")}
    assert {f.file for f in built_city.ingested.files} == sent
    assert all(f.records_in == f.records_raw + f.records_quarantined > 0 for f in taken)
    assert any(f.records_quarantined for f in taken)
    for name in sorted({f.feed for f in taken}):
        raw = tables.rows(f"raw.{name}", ["delivery_id"]).num_rows
        quarantined = tables.open_table(QUARANTINE).to_pyarrow_table(filters=[("feed", "=", name)]).num_rows
        assert raw == sum(f.records_raw for f in taken if f.feed == name)
        assert quarantined == sum(f.records_quarantined for f in taken if f.feed == name)
    # a file whose records name their period has one entry per period
    registered: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in deliveries():
        registered[row["source_file"]].append(row)
    for f in taken:
        counts = ("records_in", "records_raw", "records_quarantined")
        totals = [sum(row[count] for row in registered[f.file]) for count in counts]
        assert totals == [f.records_in, f.records_raw, f.records_quarantined]
    assert len(registered) == len(taken)


def test_rows_that_an_interrupted_ingest_left_are_removed_by_the_next(built_copy: Path) -> None:
    """Rows were written but not registered, so they count nowhere, and the next ingest deletes them."""
    before = tables.rows("raw.gov_energy", ["row_id", "delivery_id"])
    orphan = tables.rows("raw.gov_energy").slice(0, 3).to_pylist()
    mapping = orphan[0]["mapping_hash"]
    table = tables.open_table("raw.gov_energy")
    spec = contract("raw.gov_energy")
    import pyarrow as pa

    rows = pa.Table.from_pylist([{**r, "delivery_id": "orphan"} for r in orphan], spec.arrow_schema())
    write_deltalake(table, rows, mode="append")
    begun = {"tables": [spec.name], "deliveries": [["orphan", mapping]]}
    (built_copy / "ingest-journal.json").write_text(json.dumps(begun))
    assert tables.rows("raw.gov_energy", ["row_id"]).num_rows == before.num_rows + 3
    assert stale_tables(deliveries()) == {}
    assert ingest().taken == []
    after = tables.rows("raw.gov_energy", ["row_id", "delivery_id"])
    assert sorted(after["row_id"].to_pylist()) == sorted(before["row_id"].to_pylist())
    assert "orphan" not in after["delivery_id"].to_pylist()
    assert_whole(releases.open_release())


# --- two at a time -------------------------------------------------------------------------------------


def chain(**reads: list[str]) -> list[Job]:
    """Jobs of an invented graph: name → what it reads."""
    return [
        Job(name, lambda: None, {str(n): Input(table) for n, table in enumerate(read)})  # type: ignore[arg-type, return-value]
        for name, read in reads.items()
    ]


def test_a_job_begins_when_its_inputs_are_built_and_two_independent_jobs_run_together() -> None:
    done: set[str] = set()
    together = threading.Barrier(2, timeout=30)
    jobs = chain(last=["left", "right"], left=["first"], right=["first"], first=["a table of another area"])
    reads = {job.table: {i.table for i in job.inputs.values()} for job in jobs}

    def work(job: Job) -> None:
        assert reads[job.table] & set(reads) <= done
        if job.table in ("left", "right"):
            together.wait()  # breaks if the other job is not running
        done.add(job.table)

    in_order(jobs, work)
    assert done == set(reads)


def test_after_a_failure_nothing_new_begins_and_what_runs_is_finished() -> None:
    begun: list[str] = []
    finished: list[str] = []
    running, failed = threading.Event(), threading.Event()

    def work(job: Job) -> None:
        begun.append(job.table)
        if job.table == "broken":
            assert running.wait(30)
            failed.set()
            raise RejectedError("broken")
        running.set()
        assert failed.wait(30)
        time.sleep(0.2)
        finished.append(job.table)

    with pytest.raises(RejectedError, match="broken"):
        in_order(chain(broken=[], slow=[], waiting=[], after=["slow"]), work)
    assert (begun, finished) == (["broken", "slow"], ["slow"])


def test_a_table_that_does_not_fit_into_memory_beside_another_is_built_alone() -> None:
    made: list[str] = []
    running: set[str] = set()
    beside, after = threading.Barrier(2, timeout=30), threading.Barrier(2, timeout=30)
    tries: list[str] = []

    def work(job: Job) -> None:
        running.add(job.table)
        tries.append(job.table)
        try:
            if job.table in ("large", "beside") and tries.count(job.table) == 1 and len(made) == 1:
                beside.wait()
            if job.table == "large" and running != {"large"}:
                raise RuntimeError("Resources exhausted: Failed to allocate 64 MB")
            if job.table in ("last", "too"):
                after.wait()  # two at a time again
            time.sleep(0.1)
            made.append(job.table)
        finally:
            running.discard(job.table)

    lines: list[str] = []
    jobs = chain(first=[], large=["first"], beside=["first"], last=["large"], too=["large"])
    _in_order_and_memory(jobs, work, lambda _, what, count: lines.append(f"{what}: {count}"))
    assert made[:3] == ["first", "beside", "large"] and sorted(made[3:]) == [
        "last",
        "too",
    ]  # nothing is built twice
    assert lines == ["memory is short: one table at a time: 1"]


def test_a_table_that_never_fits_gives_an_error_of_one_line() -> None:
    tries: list[str] = []

    def work(job: Job) -> None:
        tries.append(job.table)
        raise RuntimeError("Resources exhausted: Failed to allocate 64 MB")

    with pytest.raises(RejectedError, match="raise BRAIN_ENGINE_MEMORY") as refused:
        _in_order_and_memory(chain(large=[]), work, lambda *_: None)
    assert one_line(refused.value) and tries == ["large", "large"]
