"""The suite of a contract: unlisted codes in single columns and in arrays."""

from __future__ import annotations

import duckdb
import pytest

from expectations.gate.baseline import baseline
from schemas.coded import titled
from schemas.contract import contract
from tests.expectations.conftest import Judge
from tests.expectations.good_city import City

FIRM = "91330203MA7FDR5A3W"


def unlisted(table: str, column: str, *values: object) -> list[object]:
    """The values that the suite's check of the column reports."""
    spec = contract(table)
    [check] = [c for c in baseline(spec).checks if c.id == f"{column}_code"]
    codes = spec.column(column).domain.codes
    assert codes is not None
    kind = "VARCHAR[]" if spec.column(column).type.startswith("array") else "VARCHAR"
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA codes")
        connection.execute(
            f"CREATE TABLE codes.{codes} AS SELECT unnest($1::VARCHAR[]) AS code", [list(titled(codes))]
        )
        keys = "".join(f"{key} VARCHAR, " for key in spec.key if key != column)
        connection.execute(f"CREATE TABLE checked ({keys}{column} {kind})")
        connection.executemany(f"INSERT INTO checked ({column}) VALUES (?)", [[value] for value in values])
        found = connection.execute(f"SELECT {column} FROM ({check.sql.replace('{table}', 'checked')})")
        return [value for (value,) in found.fetchall()]


@pytest.mark.parametrize(
    ("table", "column", "good", "bad"),
    [
        ("core.parcel", "land_flags", [None, [], ["disputed"], ["disputed", "no_holder"]],
         [["disputed", "odd"], ["odd"], [""], [None, "disputed"]]),
        ("per_mu.enterprise_grade", "grade_reasons",
         [["refill", "veto:tax_evasion"], [f"inherited:{FIRM}"], [f"shared:{FIRM}", "protection:new_firm"]],
         [["veto"], ["veto:brand"], ["inherited:"], ["inherited:somebody"], [f"veto:{FIRM}"], [f"refill:{FIRM}"]]),
        ("per_mu.population", "status_reasons",
         [["missing:gov_tax", "zero:power_kwh"], ["industry:44"], ["industry:441"], ["registration:revoked"]],
         [["missing"], ["missing:gov_nonsense"], ["zero:gov_tax"], ["industry:99"], ["gov_tax"]]),
        ("quarantine.record", "reasons",
         [["power_kwh:type", "uscc:check"], ["key:duplicate"], ["column_of_old:missing"]],
         [["power_kwh:odd"], ["type"], ["record:odd", "uscc:check"]]),
        ("per_mu.adjustment", "adjustment_code", [None, "bonus:little_giant:national", "veto:tax_evasion"],
         ["bonus:little_giant", "bonus:tax_evasion:national", "veto"]),
        ("chain.node_enterprise", "node_code", ["OUT", "XTCX-U01"], ["XTCX-U99", "ALL"]),
    ],
)  # fmt: skip
def test_a_code_that_is_in_no_list_is_found(
    table: str, column: str, good: list[object], bad: list[object]
) -> None:
    assert unlisted(table, column, *good, *bad) == bad


def test_one_bad_item_of_an_array_fails_the_suite(city: City, judge: Judge) -> None:
    row = city["core.parcel_use"][3]
    row["land_flags"] = ["by_floor_area", "of_no_list"]
    [failure] = judge("core.parcel_use").failures()
    assert (failure.suite, failure.expectation, failure.unexpected) == (
        "core.parcel_use/contract", "land_flags_code", 1,
    )  # fmt: skip
    assert row["parcel_id"] in failure.failing_keys[0] and "of_no_list" in failure.failing_keys[0]
    assert failure.title_zh == "用地问题在代码表内"
