"""The list of aims is complete: sources, bounds around the aims, measures that exist, titles, the command."""

from __future__ import annotations

import inspect
import json

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from demo_city.aims import comparison
from demo_city.aims.aims import Aim, Group, Interval, aims
from demo_city.aims.comparison import Outcome, city_for_aims
from demo_city.aims.measures import MEASURES
from demo_city.aims.page import BEGIN, END, page
from demo_city.world.parameters import parameters
from portal.cli.app import app
from schemas.errors import RejectedError, UsageError
from tests.conventions.test_titles import faults


def an_aim(**fields: object) -> Aim:
    """An aim of 10 with a bound from 8 to 12."""
    entry: dict[str, object] = {
        "key": "a", "title": {"zh": "甲", "en": "A"}, "unit": "家", "years": (2020, 2021), "aim": (10, 10),
        "bound": (8, 12), "bound_tenth": (5, 15), "digits": 0, "source": {"mark": "A"}, "measure": "total",
    }  # fmt: skip
    return Aim.model_validate(entry | fields)


def contains(outer: Interval | None, inner: Interval) -> bool:
    if outer is None:
        return True
    low, high = outer
    lower, higher = inner
    return (low is None or lower is None or low <= lower) and (
        high is None or higher is None or higher <= high
    )


def test_keys_are_unique() -> None:
    keys = [aim.key for aim in aims()]
    assert len(keys) == len(set(keys))


def test_every_total_of_the_parameters_is_an_aim() -> None:
    p = parameters()
    assert [aim.arguments["key"] for aim in aims() if aim.measure == "total"] == [
        total.key for total in (*p.totals, *p.marks.totals)
    ]


@pytest.mark.parametrize("aim", aims(), ids=lambda aim: aim.key)
def test_an_aim_is_complete(aim: Aim) -> None:
    inspect.signature(MEASURES[aim.measure]).bind(None, 2020, **aim.arguments)
    assert contains(aim.bound, aim.aim) and contains(aim.bound_tenth, aim.aim)
    assert aim.source.text or aim.source.mark == "A", "a fact needs its place"
    assert list(faults(aim.title.zh, aim.title.en)) == []


def test_every_measure_is_used() -> None:
    assert {aim.measure for aim in aims()} == set(MEASURES)


def test_a_narrower_bound_at_a_tenth_is_refused() -> None:
    with pytest.raises(ValidationError, match="must contain"):
        an_aim(bound_tenth=(9, 15))


@pytest.mark.parametrize(
    ("bound", "values", "missed"),
    [
        ((8, 12), (8.0, 12.0), ()),
        ((8, 12), (7.9, 10.0), (2020,)),
        ((8, 12), (10.0, 12.1), (2021,)),
        ((None, 12), (-5.0, 12.1), (2021,)),
        ((8, None), (7.9, 99.0), (2020,)),
        ((None, None), (float("nan"), 1.0), (2020,)),
        (None, (0.0, 99.0), ()),
    ],
)
def test_years_outside_a_bound_are_missed(
    bound: Interval | None, values: tuple[float, ...], missed: tuple[int, ...]
) -> None:
    outcome = Outcome(an_aim(), bound, values)
    assert outcome.missed == missed
    kept = [row["is_kept"] for row in outcome.rows()]
    assert kept == ([None] * 2 if bound is None else [year not in missed for year in (2020, 2021)])


def test_the_page_keeps_what_is_written_around_the_tables() -> None:
    group = Group(key="g", title=an_aim().title, aims=(an_aim(),))
    made = page(
        f"before\n{BEGIN}\nold\n{END}\nafter\n", ((group, (Outcome(an_aim(), (8, 12), (1234.0, 10.0)),)),)
    )
    assert made.startswith(f"before\n{BEGIN}\n\n0 of 1 aims are kept.\n") and made.endswith(f"{END}\nafter\n")
    assert "| 甲 A | 家 | 2020 to 2021 | 10 | 1,234 · 10 | 8 to 12 | 否 no | A |" in made
    assert "old" not in made


def test_a_small_city_is_not_judged() -> None:
    with pytest.raises(UsageError, match=r"at least 0\.1"):
        city_for_aims(2020, 0.05)


def told(
    monkeypatch: pytest.MonkeyPatch, aimed: tuple[float, float], *more: str
) -> tuple[str, BaseException | None]:
    """Output and error of the command with the one aim of 840 firms in a city of scale 0.1."""
    aim = an_aim(years=(2020, 2020), aim=aimed, bound=aimed, bound_tenth=aimed, arguments={"key": "firms"})
    monkeypatch.setattr(comparison, "groups", lambda: (Group(key="g", title=aim.title, aims=(aim,)),))
    done = CliRunner().invoke(app, ["demo", "--aims", "--scale", "0.1", *more])
    return done.output, done.exception


def test_the_command_shows_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    output, error = told(monkeypatch, (8400, 8410), "--json")
    assert error is None
    (row,) = json.loads(output)
    assert (row["key"], row["year"], row["built"], row["is_kept"]) == ("a", 2020, 8400.0, True)


def test_the_command_fails_if_an_aim_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    _, error = told(monkeypatch, (8500, 8600))
    assert isinstance(error, RejectedError) and error.exit_code == 1
    assert str(error) == "0 of 1 aims are kept; missed: a"


@pytest.mark.parametrize("option", ["--stream", "--until=2025-08-15"])
def test_the_command_refuses_what_it_would_ignore(option: str) -> None:
    error = CliRunner().invoke(app, ["demo", "--aims", option]).exception
    assert isinstance(error, UsageError)
