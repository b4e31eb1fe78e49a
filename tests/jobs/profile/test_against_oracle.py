"""The profile jobs agree exactly with the oracle on generated worlds full of gaps, ties, zeros and losses."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from schemas.contract import code_list
from tests.jobs.profile.world import YEARS, Row, generated, run, score, tag
from tests.oracles import profile as oracle
from warehouse.settings import CHECKOUT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SEEDS = (1, 2, 3)
#: Columns that the oracle keeps as sets: the order of codes is not part of the rule.
SETS = {"case_codes", "open_listing_codes", "growth_notes"}
#: Columns that the oracle computes on the way to others; the job's rows do not have them.
INTERMEDIATE = {"orders_month"}
TAGS = yaml.safe_load((CHECKOUT / "jobs/profile/rules" / "tags.yml").read_text(encoding="utf-8"))
RULE = yaml.safe_load((CHECKOUT / "jobs/profile/rules" / "evaluation.yml").read_text(encoding="utf-8"))


def plain(value: Any) -> Any:
    """A stored value in the oracle's form: numbers as fractions."""
    if isinstance(value, bool | str | list) or value is None:
        return value
    if hasattr(value, "as_tuple") or isinstance(value, int):
        return Fraction(str(value))
    return value


@pytest.fixture(scope="module", params=SEEDS)
def made(spark: SparkSession, request: pytest.FixtureRequest) -> dict[str, Any]:
    """One world: the oracle's profiles, and the jobs' rows for the same tables from one run."""
    world = generated(request.param)
    last = max(row["month"] for row in world.tables["months"])
    periods = [*YEARS, last]
    frame, rows = run(spark, world, periods)
    return {
        "periods": periods,
        "expected": oracle.profiles(world.tables, periods),
        "rows": {(r["uscc"], r["period"]): r for r in rows},
        "tags": tag(frame),
        "scores": {(r["uscc"], r["period"]): r for r in score(frame, periods)},
    }


def test_every_figure_of_every_profile_equals_that_of_the_oracle(made: dict[str, Any]) -> None:
    assert made["rows"].keys() == made["expected"].keys()
    wrong: Counter[str] = Counter()
    sample: dict[str, Any] = {}
    compared = 0
    lacking: set[str] = set()
    for key, expected in made["expected"].items():
        row = made["rows"][key]
        for column, value in expected.items():
            if column not in row:
                lacking.add(column)
                continue
            found = set(row[column]) if column in SETS else plain(row[column])
            compared += 1
            if found != value:
                wrong[column] += 1
                sample.setdefault(column, (key, found, value))
    assert not wrong, (wrong, sample)
    assert lacking == INTERMEDIATE, "a column of the oracle is no longer compared"
    assert compared > 100 * len(made["rows"])


def test_the_worlds_hold_missing_and_known_values_and_every_derived_code(made: dict[str, Any]) -> None:
    """Each of these columns occurs both missing and known; each derived code occurs."""
    rows = list(made["expected"].values())
    for column in (
        "output_cagr_pct",
        "tax_growth_pct",
        "orders_change_pct",
        "node_output_share_pct",
        "grade_d_years",
    ):
        assert {r[column] is None for r in rows} == {True, False}, column
    assert {r["size_class_code"] for r in rows} == {"large", "medium", "small", "micro", None}
    assert {r["risk_level_code"] for r in rows} == {"low", "medium", "high"}
    assert {r["trend_code"] for r in rows} == {"rising", "steady", "falling", None}
    assert {note.partition(":")[0] for r in rows for note in r["growth_notes"]} == set(
        code_list("growth_note")
    )


def test_the_tags_of_every_profile_equal_those_of_the_oracle(made: dict[str, Any]) -> None:
    found: dict[tuple[str, str], set[str]] = {key: set() for key in made["expected"]}
    for row in made["tags"]:
        found[row["uscc"], row["period"]].add(row["tag_code"])
    expected = {key: oracle.tags(TAGS, row) for key, row in made["expected"].items()}
    wrong = {k: found[k] ^ expected[k] for k in expected if found[k] != expected[k]}
    assert not wrong
    assert len(set().union(*expected.values())) > 40


def test_the_evidence_of_a_tag_is_the_profiles_own_figures(made: dict[str, Any]) -> None:
    for row in made["tags"]:
        profile = made["rows"][row["uscc"], row["period"]]
        told = dict(text.split("=", 1) for text in row["tag_evidence"])
        assert set(told) <= set(TAGS[row["tag_code"]]["evidence"])
        for name, text in told.items():
            value = profile[name]
            if isinstance(value, list):
                assert text == "+".join(value) and value
            elif isinstance(value, bool):
                assert text == str(value).lower()
            elif hasattr(value, "as_tuple"):
                assert Fraction(text) == Fraction(str(value))
                assert not ("." in text and text.endswith("0"))
            else:
                assert text == str(value)


def test_scores_ranks_and_changes_equal_those_of_the_oracle(made: dict[str, Any]) -> None:
    expected = oracle.scores(RULE, made["expected"], made["periods"])
    assert made["scores"].keys() == expected.keys()
    for key, want in expected.items():
        row = made["scores"][key]
        found = {
            **{d: plain(row[f"{d}_score"]) for d in RULE["dimensions"]},
            "total": plain(row["comprehensive_score"]),
            "percentiles": {n: Fraction(v) for n, v in (t.split("=") for t in row["indicator_percentiles"])},
            **{c: plain(row[c]) for c in want if c in row},
        }
        assert found == want, key
    _assert_telling(expected)


def _assert_telling(expected: dict[Any, Row]) -> None:
    """Three peer levels occur; totals and changes occur both missing and known; some dimensions are missing."""
    rows = list(expected.values())
    assert {r["peer_level_code"] for r in rows} >= {"division", "size", "city"}
    assert {r["total"] is None for r in rows} == {True, False}
    assert {r["score_change"] is None for r in rows} == {True, False}
    assert any(r["missing_dimensions"] for r in rows)
