"""The gate proves that it looked: what is unread, unevaluated or broken does not pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from expectations.gate import run as gate
from expectations.gate import session
from expectations.gate.baseline import baseline
from expectations.gate.report import verdict_rows
from expectations.gate.run import READ, required_tables, run_gate
from expectations.gate.snapshot import Pin, uscc_macro
from expectations.gate.suite import Check, Suite, declared_suites
from schemas.contract import Feed, contract, contracts
from schemas.errors import UsageError
from tests.expectations.conftest import Judge
from tests.expectations.good_city import City, write

ONE = ("per_mu.baseline",)


def _failed(report: gate.GateReport) -> set[str]:
    return {v.expectation for v in report.failures()}


def test_good_city_passes(good_pins: Mapping[str, Pin]) -> None:
    progress: list[tuple[str, int, int]] = []
    report = run_gate(good_pins, good_pins, lambda *what: progress.append(what))
    assert report.passed, report.failures()
    assert not report.warnings()
    judged = {v.table for v in report.verdicts}
    feeds = {f"raw.gov_{name}" for name in ("tax", "electricity", "penalty", "honour", "grant")}
    feeds.add("raw.ent_consent")
    assert judged == (set(required_tables()) | feeds) - set(READ)
    assert report.suites == len({v.suite for v in report.verdicts})
    assert report.expectations == len(report.verdicts) > 400
    # the land survey has nothing to verify in a good city
    assert {v.table for v in report.verdicts if not v.evaluated} <= {
        "per_mu.land_review", "resource.consequence_correction", "resource.land_potential", "resource.power_price_month"
    }  # fmt: skip
    assert [t[0] for t in progress][:1] == ["raw.delivery"]
    assert {t[1:] for t in progress} == {(n, len(progress)) for n in range(1, len(progress) + 1)}


def test_verdicts_are_json(good_pins: Mapping[str, Pin]) -> None:
    report = run_gate(good_pins, tables=ONE)
    rows = verdict_rows(report)
    assert json.loads(json.dumps(rows)) == rows
    assert len(rows) == report.expectations
    assert set(rows[0]) == {
        "suite", "table", "expectation", "title_zh", "title_en", "level", "success", "evaluated",
        "unexpected", "failing_keys", "details",
    }  # fmt: skip


def test_missing_pin_fails(good_pins: Mapping[str, Pin]) -> None:
    pins = {name: pin for name, pin in good_pins.items() if name != "per_mu.baseline"}
    report = run_gate(pins, tables=ONE)
    assert not report.passed
    assert all("not pinned" in v.details for v in report.verdicts)
    assert len(report.failures()) == len(report.verdicts)


def test_missing_pin_of_a_table_that_is_only_read_fails(good_pins: Mapping[str, Pin]) -> None:
    pins = {name: pin for name, pin in good_pins.items() if name != "raw.gov_statistics_directory"}
    report = run_gate(pins, tables=["core.enterprise"])
    assert _failed(report) == {"directory_rows"}
    assert "exception" in report.failures()[0].details


def test_unreadable_version_fails(good_pins: Mapping[str, Pin]) -> None:
    pins = {**good_pins, "per_mu.baseline": replace(good_pins["per_mu.baseline"], version=7)}
    report = run_gate(pins, tables=ONE)
    assert not report.passed
    assert all("cannot be read" in v.details for v in report.verdicts)


def test_pinned_version_is_the_one_judged(city: City, good_pins: Mapping[str, Pin], tmp_path: Path) -> None:
    from deltalake import write_deltalake

    good = write(city["per_mu.baseline"], "per_mu.baseline", tmp_path / "baseline")
    spoilt = [row | {"rule_set_id": "of another year"} for row in city["per_mu.baseline"]]
    import pyarrow as pa

    write_deltalake(
        good.path, pa.Table.from_pylist(spoilt, contract("per_mu.baseline").arrow_schema()), mode="overwrite"
    )
    assert run_gate({**good_pins, "per_mu.baseline": good}, tables=ONE).passed
    assert not run_gate({**good_pins, "per_mu.baseline": replace(good, version=1)}, tables=ONE).passed


def test_empty_table_fails(city: City, judge: Judge) -> None:
    city["per_mu.baseline"].clear()
    report = judge("per_mu.baseline")
    assert not report.passed
    assert len(report.failures()) == len(report.verdicts)
    assert {v.evaluated for v in report.verdicts} == {0}


def test_table_that_may_be_empty_passes_empty(city: City, judge: Judge) -> None:
    city["per_mu.adjustment"].clear()
    assert judge("per_mu.adjustment").passed


def test_missing_and_wrong_columns_fail(city: City, good_pins: Mapping[str, Pin], tmp_path: Path) -> None:
    schema = contract("per_mu.baseline").arrow_schema()
    fewer = schema.remove(schema.get_field_index("method_code"))
    rows = [{k: v for k, v in row.items() if k != "method_code"} for row in city["per_mu.baseline"]]
    pin = write(rows, "per_mu.baseline", tmp_path / "fewer", fewer)
    report = run_gate({**good_pins, "per_mu.baseline": pin}, tables=ONE)
    failed = {v.expectation: v for v in report.failures()}
    assert failed["columns"].failing_keys == ("column=method_code",)
    assert "exception" in failed["method_code_required"].details

    import pyarrow as pa

    other = schema.set(schema.get_field_index("value"), pa.field("value", pa.float64()))
    rows = [row | {"value": float(row["value"])} for row in city["per_mu.baseline"]]
    pin = write(rows, "per_mu.baseline", tmp_path / "other", other)
    report = run_gate({**good_pins, "per_mu.baseline": pin}, tables=ONE)
    assert _failed(report) == {"types"}
    assert "found=DOUBLE" in report.failures()[0].failing_keys[0]


def test_contract_is_checked(city: City, judge: Judge) -> None:
    """Key, row identifier, range, pattern, code and check digit, each on one row."""
    rows = city["core.parcel"]
    rows.append(rows[0] | {"row_id": "another"})
    rows[1]["row_id"] = rows[2]["row_id"]
    rows[3]["parcel_area_mu"] = 20_001
    rows[4]["year"] = "22"
    rows[5]["district_code"] = "330299"
    rows[6]["owner_uscc"] = "91350100M000100Y4Z"
    report = judge("core.parcel")
    named = {v.expectation: v.failing_keys for v in report.failures() if v.suite == "core.parcel/contract"}
    assert set(named) == {
        "key_unique", "row_id_unique", "parcel_area_mu_range", "year_pattern", "district_code_code",
        "owner_uscc_check_digit",
    }  # fmt: skip
    assert named["key_unique"] == (f"parcel_id={rows[0]['parcel_id']}|year={rows[0]['year']}",)
    assert named["district_code_code"][0].endswith("district_code=330299")


def test_a_date_before_the_one_that_it_may_not_precede_is_named(city: City, judge: Judge) -> None:
    row = city["core.consent"][0]
    row["consent_end_date"] = date(2020, 1, 1)
    failed = {
        v.expectation: v for v in judge("core.consent").failures() if v.suite == "core.consent/contract"
    }
    assert set(failed) == {"consent_end_date_order"}
    assert row["uscc"] in failed["consent_end_date_order"].failing_keys[0]


def test_required_columns_are_checked(city: City, good_pins: Mapping[str, Pin], tmp_path: Path) -> None:
    import pyarrow as pa

    schema = pa.schema([field.with_nullable(True) for field in contract("per_mu.baseline").arrow_schema()])
    city["per_mu.baseline"][0]["rule_source"] = None
    pin = write(city["per_mu.baseline"], "per_mu.baseline", tmp_path / "nulls", schema)
    report = run_gate({**good_pins, "per_mu.baseline": pin}, tables=ONE)
    assert _failed(report) == {"rule_source_required"}
    assert report.failures()[0].unexpected == 1


def test_failing_keys_are_at_most_twenty(city: City, judge: Judge) -> None:
    for row in city["core.enterprise"]:
        row["industry_division_code"] = "51"
    scope = next(v for v in judge("core.enterprise").failures() if v.expectation == "industry_scope")
    assert (scope.evaluated, scope.unexpected, len(scope.failing_keys)) == (120, 120, 20)


OnlySuite = Callable[..., None]


@pytest.fixture
def only_suite(monkeypatch: pytest.MonkeyPatch) -> OnlySuite:
    """Make the gate know one suite only."""

    def install(*checks: Check) -> None:
        suite = Suite("per_mu.baseline", checks)
        monkeypatch.setattr(gate, "suites_of", lambda tables: [suite])

    return install


def _check(id_: str, sql: str, level: str = "fail") -> Check:
    return Check(id_, "检查", "Check", sql, level=level)  # type: ignore[arg-type]


def test_suite_without_checks_fails(only_suite: OnlySuite, good_pins: Mapping[str, Pin]) -> None:
    only_suite()
    report = run_gate(good_pins, tables=ONE)
    assert not report.passed
    assert "evaluated nothing" in report.verdicts[0].details


def test_gate_without_suites_fails(good_pins: Mapping[str, Pin]) -> None:
    assert not run_gate(good_pins, tables=["raw.gov_energy"]).passed


def test_exception_fails_even_a_warning(only_suite: OnlySuite, good_pins: Mapping[str, Pin]) -> None:
    only_suite(
        _check("broken", "SELECT no_such_column FROM {table}", "warn"),
        _check("sound", "SELECT year FROM {table} WHERE year = '1999'"),
    )
    report = run_gate(good_pins, tables=ONE)
    assert not report.passed
    broken, sound = report.verdicts
    assert broken.level == "fail"
    assert broken.details.startswith("exception: ")
    assert sound.success


def test_warning_is_reported_and_does_not_block(only_suite: OnlySuite, good_pins: Mapping[str, Pin]) -> None:
    only_suite(_check("odd", "SELECT year, indicator_code FROM {table} WHERE indicator_code = 'I7'", "warn"))
    report = run_gate(good_pins, tables=ONE)
    assert report.passed
    assert [v.expectation for v in report.warnings()] == ["odd"]
    assert report.warnings()[0].failing_keys[0] == "year=2022|indicator_code=I7"


def test_expectation_left_out_fails(
    only_suite: OnlySuite, good_pins: Mapping[str, Pin], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Great Expectations once reported success although it had not run every expectation."""
    only_suite(
        _check("first", "SELECT year FROM {table} WHERE false"),
        _check("second", "SELECT year FROM {table} WHERE year = '1999'"),
    )
    honest = session._Session._validate

    def forgetful(self: session._Session, suite: Suite) -> dict[str, object]:
        return dict(list(honest(self, suite).items())[:1])

    monkeypatch.setattr(session._Session, "_validate", forgetful)
    report = run_gate(good_pins, tables=ONE)
    assert not report.passed
    assert [v.details for v in report.failures()] == ["not evaluated by Great Expectations"]


def test_braces_colons_and_percent_reach_the_database(
    only_suite: OnlySuite, good_pins: Mapping[str, Pin]
) -> None:
    only_suite(
        _check("braces", "SELECT year FROM {table} WHERE NOT regexp_full_match(year, '[0-9]{4}')"),
        _check("casts", "SELECT year FROM {table} WHERE year::INTEGER % 2 = 9 OR year LIKE '%x%'"),
        _check("cte", "WITH y AS (SELECT year FROM {table}) SELECT y.year FROM y JOIN y z ON y.year <> z.year "
               "WHERE y.year = 'x'"),
    )  # fmt: skip
    report = run_gate(good_pins, tables=ONE)
    assert report.passed, report.verdicts


def quotas(names: Iterable[str], most_a: float, least_d: float) -> dict[str, list[dict[str, object]]]:
    return {"quota": [{"rule_set_id": name, "share_a": most_a, "share_d": least_d} for name in names]}


def test_quotas_of_rule_sets(city: City, judge: Judge) -> None:
    names = {row["rule_set_id"] for row in city["per_mu.enterprise_grade"]}
    table = "per_mu.enterprise_grade"
    assert judge(table, rules=quotas(names, 0.2, 0.05)).passed
    assert _failed(judge(table, rules=quotas(names, 0.05, 0.05))) == {"quota_a"}
    assert _failed(judge(table, rules=quotas(names, 0.2, 0.5))) == {"quota_d"}


@pytest.mark.parametrize(
    ("code", "valid"),
    [
        ("91350100M000100Y43", True),
        ("91350100M000100Y4Z", False),
        ("9137028167179100XT", True),
        ("113302030029398475", True),
        ("N2330212MF1234567F", True),
        ("91350100M000100YD", False),
        ("91350100M000100YI3", False),
        (None, None),
    ],
)
def test_check_character_in_sql(code: str | None, valid: bool | None) -> None:
    connection = duckdb.connect()
    connection.execute(uscc_macro())
    assert connection.execute("SELECT uscc_is_valid(?)", [code]).fetchall() == [(valid,)]


def test_every_published_table_has_both_suites() -> None:
    declared = declared_suites()
    published = [name for name, spec in contracts().items() if spec.layer == "staged"]
    assert set(published) <= set(declared)
    for name in required_tables():
        if isinstance(contract(name), Feed):
            continue
        own = baseline(contract(name), declared[name])
        assert own.checks and own.may_be_empty == declared[name].may_be_empty


def test_a_summary_is_computed_once_and_read_by_its_checks(
    monkeypatch: pytest.MonkeyPatch, good_pins: Mapping[str, Pin]
) -> None:
    checks = (
        _check("few", "SELECT year FROM {summary} WHERE n > 3"),
        _check("none", "SELECT year FROM {summary} WHERE n < 0"),
    )
    suite = Suite("per_mu.baseline", checks, summary="SELECT year, count(*) AS n FROM {table} GROUP BY year")
    monkeypatch.setattr(gate, "suites_of", lambda tables: [suite])
    few, none = run_gate(good_pins, tables=ONE).verdicts
    assert few.failing_keys == ("year=2022", "year=2023")
    assert none.success

    broken = replace(suite, summary="SELECT no_such_column FROM {table}")
    monkeypatch.setattr(gate, "suites_of", lambda tables: [broken])
    assert all("exception" in v.details and v.blocks for v in run_gate(good_pins, tables=ONE).verdicts)


def test_malformed_suites_are_refused() -> None:
    with pytest.raises(UsageError, match="the summary must read"):
        Suite("core.parcel", (_check("a", "SELECT 1 FROM {summary}"),))
    with pytest.raises(UsageError, match="must read"):
        _check("blind", "SELECT 1")
    with pytest.raises(UsageError, match="used twice"):
        Suite("core.parcel", (_check("a", "SELECT 1 FROM {table}"), _check("a", "SELECT 2 FROM {table}")))
