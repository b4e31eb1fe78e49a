"""A release's grades, recomputed from the senders' files by code that shares nothing with the platform.

tests/oracles/landing.py reads the files, tests/oracles/per_mu.py applies the rules; rule sets are data, read by the
platform. Seven odd kinds of firm must be among those compared.
"""

from __future__ import annotations

import csv
import shutil
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from jobs.per_mu.rules.reading import rule_book
from schemas.contract import SCHEMAS
from schemas.duckdb_types import with_years_as_text
from tests.built_city import YEARS
from tests.jobs.per_mu.test_against_oracle import assert_same, compare_baselines, compare_summaries
from tests.jobs.per_mu.world import plain_limits
from tests.oracles.landing import city
from tests.oracles.per_mu import Evaluation, evaluate
from warehouse import duck

if TYPE_CHECKING:
    from pathlib import Path

    from tests.built_city import BuiltCity

Row = dict[str, Any]


@pytest.fixture(scope="module")
def published(built_city: BuiltCity) -> dict[str, list[Row]]:
    """The tables of the city's release."""
    names = ("population", "baseline", "indicator_value", "enterprise_grade", "district_summary")
    tables = [f"per_mu.{name}" for name in names]
    file = built_city.home / "releases" / "release-1.duckdb"
    with duck.connect(file, read_only=True) as connection:
        return {name: with_years_as_text(duck.fetch(connection, f"FROM {name}")) for name in tables}


@pytest.fixture(scope="module")
def expected(built_city: BuiltCity) -> Evaluation:
    return recomputed(built_city.home / "landing")


def recomputed(landing: Path) -> Evaluation:
    """The evaluation of all firms and years of a city, from its senders' files."""
    with (SCHEMAS / "codes" / "industry_class.csv").open(encoding="utf-8") as file:
        classes = {row["code"] for row in csv.DictReader(file)}
    read = city(landing, YEARS, classes)
    book = rule_book()
    rules = {(d, y): r.model_dump(mode="json") for d, y, r in [*book.items(), *book.city_items()]}
    done = evaluate(read.firms, read.parcels, read.uses, read.events, rules, plain_limits())
    for key, (grade, reason) in read.adjusted.items():
        own = done.grades.get(key)
        # a joint meeting may make a vetoed firm's grade worse, never better
        is_vetoed = own and any(r.startswith("veto:") for r in own["grade_reasons"])
        if own and grade != own["final"] and not (is_vetoed and grade < own["final"]):
            own["final"], own["grade_reasons"] = grade, [*own["grade_reasons"], f"manual:{reason}"]
    return done


def exact(value: Any) -> Fraction | None:
    return None if value is None else Fraction(value)


def by_firm(rows: list[Row], *more: str) -> dict[Any, Row]:
    return {tuple(row[name] for name in ("uscc", "year", *more)): row for row in rows}


def stands(row: Row) -> Any:
    """Where the release's population has a firm."""
    reasons = sorted(row["status_reasons"])
    return (
        row["district_code"], row["list_code"], row["eval_status_code"], reasons, row["protected_until_date"],
        exact(row["land_area_mu"]), row["evaluation_uscc"],
    )  # fmt: skip


def graded(row: Row) -> Any:
    """What the release says of a firm's grade."""
    return (
        exact(row["total_score"]), exact(row["bonus_points"]), exact(row["penalty_points"]), row["rank_in_list"],
        row["list_size"], row["initial_grade"], row["final_grade"], row["grade_reasons"],
    )  # fmt: skip


def test_every_firm_stands_as_its_files_say(published: dict[str, list[Row]], expected: Evaluation) -> None:
    got = {key: stands(row) for key, row in by_firm(published["per_mu.population"]).items()}
    assert_same(
        got,
        {
            key: (
                p["district_code"], p["list_code"], p["status"], sorted(p["reasons"]), p["until"], p["land"], p["unit"],
            )
            for key, p in expected.population.items()
        },
    )  # fmt: skip


def test_every_indicator_is_worth_what_its_files_say(
    published: dict[str, list[Row]], expected: Evaluation
) -> None:
    got = {
        key: (
            exact(r["numerator"]), exact(r["denominator"]), exact(r["value"]), exact(r["baseline"]), exact(r["score"]),
            r["note_code"],
        )
        for key, r in by_firm(published["per_mu.indicator_value"], "indicator_code").items()
    }  # fmt: skip
    assert_same(
        got,
        {
            key: (*v["sides"], v["value"], v["baseline"], v["score"], v["note"])
            for key, v in expected.values.items()
        },
    )


def test_every_grade_is_what_its_files_say(published: dict[str, list[Row]], expected: Evaluation) -> None:
    got = {key: graded(row) for key, row in by_firm(published["per_mu.enterprise_grade"]).items()}
    assert_same(
        got,
        {
            key: (
                g["total"], g["bonus"], g["penalty"], g["rank_in_list"], g["list_size"], g["initial"], g["final"],
                g["grade_reasons"],
            )
            for key, g in expected.grades.items()
        },
    )  # fmt: skip


def test_every_baseline_and_district_figure_is_what_the_files_say_with_and_without_giants(
    published: dict[str, list[Row]], expected: Evaluation
) -> None:
    compare_baselines(published["per_mu.baseline"], expected)
    compare_summaries(published["per_mu.district_summary"], expected)
    assert any(b["treatment"] == "left_out" for b in expected.baselines.values())


def kinds_of_firm(expected: Evaluation) -> dict[str, set[tuple[str, str]]]:
    """Firms and years of each odd kind."""
    grades, population = expected.grades, expected.population
    lowest: dict[tuple[str, str, str], tuple[Fraction, tuple[str, str]]] = {}
    for key, grade in grades.items():
        if grade["final"] == "A":
            where = (grade["district_code"], grade["year"], grade["list_code"])
            lowest[where] = min((grade["total"], key), lowest.get(where, (grade["total"], key)))
    return {
        "tenant": {key for key, g in grades.items() if g["list_code"] == "tenant"},
        "vetoed": {key for key, g in grades.items() if g["direct_d"] or g["not_above_c"]},
        "tie": {key for key, g in grades.items() if g["is_tie"]},
        "protected": {key for key, p in population.items() if p["status"] == "protected"},
        "lowest A": {key for _, key in lowest.values()},
        "withholds": {(uscc, year) for (uscc, year, _), v in expected.values.items() if v["withheld"]},
    }


@pytest.mark.parametrize("kind", ["tenant", "vetoed", "tie", "protected", "lowest A", "withholds"])
def test_odd_kinds_of_firm_occur_among_those_compared(
    kind: str, published: dict[str, list[Row]], expected: Evaluation
) -> None:
    firms = kinds_of_firm(expected)[kind]
    held = by_firm(published["per_mu.population"])
    assert firms
    assert firms <= held.keys()


def test_a_changed_cell_is_seen(built_city: BuiltCity, tmp_path: Path, expected: Evaluation) -> None:
    landing = shutil.copytree(built_city.home / "landing", tmp_path / "landing")
    file = landing / "gov_tax" / "tax_2022.csv"
    rows = file.read_text(encoding="utf-8-sig").splitlines()
    largest = max(rows[1:], key=lambda row: float(row.split(",")[3] or 0))
    cells = largest.split(",")
    changed = ",".join([*cells[:3], f"{float(cells[3]) * 2:.2f}", *cells[4:]])
    file.write_text(
        "\ufeff" + "\n".join(changed if row == largest else row for row in rows), encoding="utf-8"
    )
    assert recomputed(landing).values != expected.values
