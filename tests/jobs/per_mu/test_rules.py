"""Rule sets: each fault is refused in one line, and the shipped ones hold what is published."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.models import RuleSet, indicator_definitions
from jobs.per_mu.rules.reading import (
    RULE_SETS,
    _files,
    _place,
    load_rule_book,
    parse_rule_set,
    read_rule_file,
    rule_book,
)
from schemas.errors import RejectedError, UsageError
from schemas.places import CITY
from tests.jobs.per_mu.world import PLAIN, every_list, every_list_of, indicator, quota, rule_set

NINGBO = ("330203", "330205", "330206", "330211", "330212", "330213", "330225", "330226", "330281", "330282")
YEARS = ("2020", "2021", "2022", "2023", "2024", "2025", "2026")


def document(**changes: Any) -> dict[str, Any]:
    return {**PLAIN, "id": "x-2023", "year": "2023", "district_codes": ["990000"], **changes}


def bonus(honour: str, level: str = "national", points: int = 1) -> dict[str, Any]:
    return {"honour": honour, "level": level, "points": points}


def folder(path: Path, **files: dict[str, Any]) -> Path:
    for name, content in files.items():
        (path / f"{name}.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


def refusal(load: Callable[[], object]) -> str:
    with pytest.raises(RejectedError) as refused:
        load()
    line = str(refused.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"lists": every_list(I1=indicator("60"), I2=indicator("39.9"))}, "weights sum to 99.9, not to 100"),
        ({"lists": every_list(I1=indicator("50"), I99=indicator("50"))}, "unknown indicators ['I99']"),
        ({"lists": every_list(I1=indicator("100", {"method": "fixed"}))}, "a fixed baseline has a value"),
        ({"lists": every_list(I1=indicator("100", {"method": "mean", "value": "3"}))}, "a fixed baseline"),
        ({"lists": every_list(I1=indicator("100", "0"))}, "greater than 0"),
        ({"lists": {"above": {"indicators": {"I1": indicator("100")}}}}, "lists.above"),
        ({"lists": every_list(I1=indicator("100", {"method": "mean", "giants": "maybe"}))}, "baseline.giants"),
        ({"giant_share": "1.1"}, "giant_share"),
        ({"giant_times_median": "0.9"}, "giant_times_median"),
        ({"giant_from_units": 0}, "giant_from_units"),
        ({"giant_reporting_share": "1.01"}, "giant_reporting_share"),
        ({"quota": {**quota(), "shares": {"A": "0.2", "B": "0.4", "C": "0.3", "D": "0.2"}}}, "sum to 1.1, not to 1"),
        ({"quota": {**quota(), "shares": {"A": "1.2", "B": "-0.2", "C": "0", "D": "0"}}}, "quota shares"),
        ({"quota": {**quota(), "shares": {"A": "0.5", "B": "0.5"}}}, "quota needs shares for A, B, C, D"),
        ({"quota": quota(rounding="up")}, "quota.rounding.A"),
        ({"quota": quota(edge="toss")}, "quota.edge"),
        ({"bonuses": [bonus("medal")]}, "unknown honour or level medal/national"),
        ({"bonuses": [bonus("brand", "galactic")]}, "unknown honour or level brand/galactic"),
        ({"bonuses": [bonus("brand", points=-1)]}, "greater than 0"),
        ({"bonuses": [bonus("brand"), bonus("brand", points=2)]}, "honour and level twice"),
        ({"vetoes": {"jaywalking": "direct_d"}}, "unknown penalty codes ['jaywalking']"),
        ({"penalties": {"jaywalking": 1}}, "unknown penalty codes ['jaywalking']"),
        ({"vetoes": {"safety_fatal": "fired"}}, "vetoes.safety_fatal"),
        ({"tax_components": []}, "tax_components"),
        ({"tax_components": ["vat", "tariff"]}, "tax_components.1"),
        ({"tenants": {"mode": "adopt"}}, "tenants.mode"),
        ({"rounding": {"value_scale": 7}}, "rounding.value_scale"),
        ({"cap_ratio": 0}, "cap_ratio"),
        ({"cap_ration": 2}, "cap_ration"),
        ({"assumptions": [{"field": "quota.shears", "why": "?"}]}, "no field quota.shears"),
    ],
)  # fmt: skip
def test_a_faulty_rule_set_is_refused_in_one_line(changes: dict[str, Any], says: str) -> None:
    parse_rule_set("x.yml", document())
    line = refusal(lambda: parse_rule_set("x.yml", document(**changes)))
    assert line.startswith("x.yml: ") and says in line


@pytest.mark.parametrize(
    "changes",
    [
        {"lists": 3},
        {"lists": {"tenant": 3}},
        {"lists": {"tenant": {"indicators": ["I1"]}}},
        {"vetoes": ["safety_fatal"]},
        {"penalties": 3},
        {"assumptions": ["quota"]},
        {"proven": ["quota"]},
        {"quota": []},
    ],
)
def test_a_part_of_the_wrong_shape_is_refused_in_one_line(changes: dict[str, Any]) -> None:
    assert refusal(lambda: parse_rule_set("x.yml", document(**changes))).startswith("x.yml: ")


def test_a_penalty_is_given_in_points_above_zero() -> None:
    # penalty points are subtracted; -1 would add a point
    line = refusal(lambda: parse_rule_set("x.yml", document(penalties={"minor_fine": -1})))
    assert "penalties.minor_fine" in line


@pytest.mark.parametrize(
    "changes",
    [
        {"lists": every_list(I1=indicator("33.33333"), I2=indicator("66.66667"))},
        {"lists": every_list(I1=indicator("100", "0.0000001"))},
        {"lists": every_list(I1=indicator("100", {"method": "mean", "factor": "1.0000001"}))},
        {"quota": {**quota(), "shares": {"A": "0.3333333", "B": "0.3333333", "C": "0.3333334", "D": "0"}}},
        {"bonuses": [{"honour": "brand", "level": "national", "points": "0.00001"}]},
        {"penalties": {"minor_fine": "0.00001"}},
        {"cap_ratio": "1.5000001"},
        {"floor": "-0.0000001"},
        {"bonus_cap": "1.00001"},
        {"penalty_cap": "1.00001"},
        {"large_land_mu": "3.0000001"},
    ],
)
def test_more_digits_than_the_tables_hold_are_refused_when_the_rule_is_read(
    changes: dict[str, Any],
) -> None:
    assert "decimal place" in refusal(lambda: parse_rule_set("x.yml", document(**changes)))


def test_two_rule_sets_for_a_district_and_year_are_refused() -> None:
    twin = rule_set("990001", "2023").model_copy(update={"id": "twin"})
    line = refusal(lambda: RuleBook([rule_set("990001", "2023"), twin]))
    assert "twin" in line and "990001" in line and "2023" in line
    assert len(RuleBook([rule_set("990001", "2023"), rule_set("990001", "2024")]).all()) == 2


def test_two_rule_sets_of_one_name_are_refused() -> None:
    twin = rule_set("990002", "2023").model_copy(update={"id": "r990001-2023"})
    assert "r990001-2023" in refusal(lambda: RuleBook([rule_set("990001", "2023"), twin]))


def test_files_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    files = folder(tmp_path, a={"extends": "b"}, b={"extends": "c"}, c={"extends": "a"})
    assert "extends" in refusal(lambda: load_rule_book(files))


def test_a_file_that_extends_itself_or_nothing_known_is_refused(tmp_path: Path) -> None:
    assert "extends a" in refusal(lambda: load_rule_book(folder(tmp_path, a={"extends": "a"})))
    assert "extends nowhere" in refusal(lambda: load_rule_book(folder(tmp_path, a={"extends": "nowhere"})))


@pytest.mark.parametrize("text", ["lists: [", "- a", "", "a: .nan.1", "a: \x00"])
def test_a_file_that_is_not_a_mapping_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.yml").write_text(text, encoding="utf-8")
    assert refusal(lambda: load_rule_book(tmp_path)).startswith("bad.yml")


def test_a_file_without_years_or_with_another_years_exception_is_refused(tmp_path: Path) -> None:
    plain = {**PLAIN, "district_codes": ["990001"]}
    assert "years" in refusal(lambda: load_rule_book(folder(tmp_path, a=plain)))
    exception = {**plain, "years": [2023], "by_year": {2024: {"bonus_cap": 1}}}
    assert "by_year" in refusal(lambda: load_rule_book(folder(tmp_path, a=exception)))


def test_a_file_inherits_removes_and_overrides_entries_by_year(tmp_path: Path) -> None:
    base = {**PLAIN, "abstract": True, "vetoes": {"safety_fatal": "direct_d", "tax_evasion": "direct_d"}}
    base["lists"] = every_list(I1=indicator("50"), I2=indicator("50"))
    own = {
        "extends": "base",
        "district_codes": ["990001"],
        "years": [2022, 2023],
        "vetoes": {"tax_evasion": None},
        "by_year": {2023: {"lists": {"tenant": {"indicators": {"I2": None, "I1": {"weight": 100}}}}}},
    }
    book = load_rule_book(folder(tmp_path, base=base, own=own))
    assert [r.id for r in book.all()] == ["own-2022", "own-2023"]  # the abstract file is in force nowhere
    assert set(book.get("own-2022").vetoes) == {"safety_fatal"}
    assert set(book.get("own-2022").lists["tenant"].indicators) == {"I1", "I2"}
    assert set(book.get("own-2023").lists["tenant"].indicators) == {"I1"}
    assert set(book.get("own-2023").lists["above_scale"].indicators) == {"I1", "I2"}


def test_a_file_inherits_the_treatment_of_giants_or_replaces_it_alone(tmp_path: Path) -> None:
    aggregate = {"method": "aggregate", "giants": "without", "factor": "2"}
    base = {**PLAIN, "abstract": True, "giant_share": "0.3", "giant_from_units": 20}
    base["lists"] = every_list(I1=indicator("50", aggregate), I2=indicator("50", aggregate))
    own = {
        "extends": "base",
        "district_codes": ["990001"],
        "years": [2022, 2023],
        "giant_share": "0.2",
        "lists": {
            "above_scale": {"indicators": {"I1": {"baseline": {"giants": "with"}}}},
            "tenant": {"indicators": {"I1": {"baseline": {"method": "fixed", "value": "26.01"}}}},
        },
        "by_year": {
            2023: {"lists": {"above_scale": {"indicators": {"I2": {"baseline": {"method": "mean"}}}}}}
        },
    }
    book = load_rule_book(folder(tmp_path, base=base, own=own))

    def of(year: str, list_code: Any, code: str) -> tuple[str, str, Decimal]:
        baseline = book.get(f"own-{year}").lists[list_code].indicators[code].baseline
        return baseline.method, baseline.giants, baseline.factor

    assert of("2022", "above_scale", "I1") == ("aggregate", "with", Decimal(2))
    assert of("2022", "above_scale", "I2") == ("aggregate", "without", Decimal(2))
    assert of("2023", "above_scale", "I2") == ("mean", "without", Decimal(2))
    assert of("2022", "below_scale_ge3", "I1") == ("aggregate", "without", Decimal(2))
    assert of("2022", "tenant", "I1") == ("fixed", "without", Decimal(2))  # a published figure is what it is
    thresholds = ("giant_share", "giant_times_median", "giant_from_units")
    assert [getattr(book.get("own-2022"), name) for name in thresholds] == [Decimal("0.2"), 10, 20]


def test_ningbos_quotients_of_totals_leave_giants_out_and_every_district_inherits_it() -> None:
    for rules in rule_book().all():
        if not rules.id.startswith("ningbo"):
            continue
        assert {
            (i.baseline.method, i.baseline.giants)
            for ranked in rules.lists.values()
            for i in ranked.indicators.values()
        } == {("aggregate", "without"), ("median", "with")}


def test_a_rule_set_of_an_old_release_is_read_without_the_new_fields() -> None:
    """A release keeps its rule sets as they were: there giants counted."""
    document = rule_book().for_("330211", "2023").model_dump(mode="json")
    for name in ("giant_times_median", "giant_from_units", "giant_reporting_share"):
        del document[name]
    for ranked in document["lists"].values():
        for rule in ranked["indicators"].values():
            del rule["baseline"]["giants"]
    old = RuleSet.model_validate(document)
    assert old.lists["above_scale"].indicators["I1"].baseline.giants == "with"


def test_every_district_of_ningbo_and_the_city_has_a_rule_set_for_each_year() -> None:
    book = rule_book()
    for year in YEARS:
        for district in (*NINGBO, CITY):
            assert book.for_(district, year).id.endswith(f"-{year}")
    assert {i[0] for i in book.city_items()} == {CITY}
    assert CITY not in {i[0] for i in book.items()}
    assert len(book.all()) == len(YEARS) * (len(NINGBO) + 1) + 2


def test_an_unknown_district_or_rule_set_is_named_in_the_error() -> None:
    with pytest.raises(UsageError, match="district 330299 and year 2023"):
        rule_book().for_("330299", "2023")
    with pytest.raises(UsageError, match="unknown rule set nobody"):
        rule_book().get("nobody")


#: Published baselines (黄岩区): I1 to I6 above scale, I1 and I7 below.
PUBLISHED = {
    "2022": (["24.097", "136.16", "2.694", "4929.81", "18.14", "0.0302"], ["11.5932", "0.2352"]),
    "2021": (["26.01", "132.27", "2.54", "4861.08", "17.45", "0.0305"], ["16.601058", "0.236565"]),
}


@pytest.mark.parametrize("year", PUBLISHED)
def test_huangyans_published_weights_and_baselines_are_exact(year: str) -> None:
    rules = rule_book().for_("331003", year)
    above, below = PUBLISHED[year]
    indicators = rules.lists["above_scale"].indicators
    assert [i.weight for i in indicators.values()] == [Decimal(w) for w in (30, 20, 20, 10, 10, 10)]
    assert {c: i.baseline.value for c, i in indicators.items()} == {
        f"I{n}": Decimal(value) for n, value in enumerate(above, 1)
    }
    assert indicators["I4"].missing == "group_average"
    for code in ("below_scale_ge3", "below_scale_lt3"):
        small = rules.lists[code].indicators
        assert {c: (i.weight, i.baseline.value) for c, i in small.items()} == {
            "I1": (Decimal(50), Decimal(below[0])),
            "I7": (Decimal(50), Decimal(below[1])),
        }
    everything = [i for ranked in rules.lists.values() for i in ranked.indicators.values()]
    assert {i.baseline.method for i in everything} == {"fixed"}
    assert {i.baseline.factor for i in everything} == {1}


#: Fields whose values decide results and that no published text of Ningbo proves.
ASSUMED = {
    "lists", "tax_components", "cap_ratio", "floor", "negative_value_added", "zero_land", "quota", "protection",
    "vetoes", "bonuses", "bonus_cap", "penalties", "penalty_cap", "tenants", "rounding", "exempt_industries",
    "giant_share", "giant_times_median", "giant_from_units", "giant_reporting_share",
}  # fmt: skip


def test_the_assumptions_of_ningbos_rule_sets_are_marked() -> None:
    for rules in rule_book().all():
        marked = {note.field for note in rules.assumptions}
        assert all(note.why and note.why_zh for note in rules.assumptions)
        if rules.id.startswith("huangyan"):
            assert "lists" not in marked and marked >= ASSUMED - {"lists"}
        elif rules.id.startswith("ningbo-cixi"):
            assert marked == marked | (ASSUMED - {"tenants"}) and "tenants" not in marked
        else:
            assert marked >= ASSUMED, rules.id


def test_the_citys_rule_set_says_that_it_is_not_a_policy() -> None:
    rules = rule_book().for_(CITY, "2023")
    assert "测算" in rules.title.zh and "非政策文件" in rules.source


def test_a_changed_weight_changes_the_hash() -> None:
    one = rule_set("990001", "2023", lists=every_list(I1=indicator("60"), I2=indicator("40")))
    same = rule_set("990001", "2023", lists=every_list(I1=indicator("60"), I2=indicator("40")))
    other = rule_set("990001", "2023", lists=every_list(I1=indicator("60.0001"), I2=indicator("39.9999")))
    assert one.hash == same.hash != other.hash


def test_a_changed_rule_set_changes_the_fingerprint_of_its_year_only() -> None:
    book = RuleBook([rule_set("990001", y, bonus_cap="5") for y in ("2022", "2023")])
    changed = RuleBook([rule_set("990001", "2022", bonus_cap="5"), rule_set("990001", "2023", bonus_cap="6")])
    assert book.fingerprint("2022") == changed.fingerprint("2022")
    assert book.fingerprint("2023") != changed.fingerprint("2023")
    assert book.fingerprint("2023") == book.fingerprint("2023-07")  # a month has the fingerprint of its year
    moved = RuleBook([rule_set("990001", "2022", bonus_cap="5"), rule_set("990002", "2023", bonus_cap="5")])
    assert book.fingerprint("2023") != moved.fingerprint("2023")


def test_a_trial_rule_set_replaces_the_rule_set_of_its_districts_only() -> None:
    shared = rule_set("990001", "2023").model_copy(update={"district_codes": ("990001", "990002")})
    later = rule_set("990001", "2024")
    book = RuleBook([shared, later])
    trial = rule_set("990001", "2023", bonus_cap="1").model_copy(update={"id": "trial"})
    tried = book.replace(trial)
    assert tried.for_("990001", "2023") == trial
    assert tried.for_("990002", "2023").id == shared.id
    assert tried.for_("990001", "2024") == later
    assert book.for_("990001", "2023") == shared  # the book itself is unchanged


def test_a_trial_file_may_extend_a_shipped_file(tmp_path: Path) -> None:
    trial = {"extends": "ningbo-cixi", "years": [2023], "district_codes": ["330282"], "bonus_cap": 3}
    [rules] = read_rule_file(folder(tmp_path, trial=trial) / "trial.yml")
    assert isinstance(rules, RuleSet)
    assert (rules.id, rules.bonus_cap) == ("trial-2023", Decimal(3))
    shipped = rule_book().for_("330282", "2023")
    assert rules.lists == shipped.lists and rules.hash != shipped.hash


def test_every_shipped_file_is_read() -> None:
    stems = {path.stem for path in RULE_SETS.glob("*.yml")} - {"ningbo-base"}
    assert stems == {r.id.rsplit("-", 1)[0] if r.id[:9] != "huangyan-" else r.id for r in rule_book().all()}


def test_an_indicator_needs_titles_and_figures_of_units(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_one_more(code: str, **changes: str) -> None:
        known = indicator_definitions()
        more = {code: known["I2"].model_copy(update=changes)}
        monkeypatch.setattr("jobs.per_mu.rules.book.indicator_definitions", lambda: {**known, **more})

    book = RuleBook([])
    book.check()
    with_one_more("I2", denominator="customs_export_wan_yuan")
    with pytest.raises(
        RejectedError,
        match=r"^indicator I2: schemas/per_mu/unit.yml has no column customs_export_wan_yuan; add",
    ):
        book.check()
    with_one_more("I99")
    with pytest.raises(RejectedError, match=r"per_mu_indicator\.csv: .*I99"):
        book.check()


# --- where a fault is ----------------------------------------------------------------------------------


def test_a_fault_is_told_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "base.yml").write_text("abstract: true\nsource: s\nquota:\n  edge: toss\n", encoding="utf-8")
    own = "extends: base\ndistrict_codes: ['330282']\nyears: [2025]\ncap_ratio: 0\nby_year:\n  2025:\n    floor: low\n"
    (tmp_path / "own.yml").write_text(own, encoding="utf-8")

    def told(field: tuple[str, ...]) -> str:
        return _place("own.yml", _files(tmp_path), "2025", field)

    assert told(("cap_ratio",)) == "own.yml line 4"
    assert told(("floor",)) == "own.yml line 7"
    assert told(("quota", "edge")) == "base.yml line 4, which own.yml extends"
    assert told(("lists",)) == "own.yml"
    assert refusal(lambda: load_rule_book(tmp_path)).startswith("own.yml")


def test_a_file_that_is_no_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("id: x\nlists: [\n", encoding="utf-8")
    assert refusal(lambda: load_rule_book(tmp_path)).startswith("a.yml: not readable as YAML: line 3: ")


# --- an installation's own rules -----------------------------------------------------------------------

OWN = """
extends: ningbo-cixi
district_codes: ["330282"]
years: [2024, 2026]
title: {zh: 慈溪市试行办法, en: Cixi trial rules}
source: 测试
bonus_cap: 3
"""


def test_an_installation_has_rule_sets_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "cixi-own.yml").write_text(OWN, encoding="utf-8")
    book = load_rule_book(own=tmp_path)
    # its own rule goes before the shipped one for a district and year, and others stay
    assert {y: book.for_("330282", y).id for y in ("2023", "2024", "2026")} == {
        "2023": "ningbo-cixi-2023", "2024": "cixi-own-2024", "2026": "cixi-own-2026",
    }  # fmt: skip
    assert book.for_("330282", "2024").bonus_cap == 3
    assert book.for_("330281", "2024").hash == rule_book().for_("330281", "2024").hash
    (tmp_path / "second.yml").write_text(OWN, encoding="utf-8")
    assert "both hold for district 330282 in 2024" in refusal(lambda: load_rule_book(own=tmp_path))


def test_an_own_file_may_not_have_the_name_of_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "ningbo-cixi.yml").write_text(OWN, encoding="utf-8")
    assert "a shipped rule set has this name" in refusal(lambda: load_rule_book(own=tmp_path))


def test_an_installation_has_indicators_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profit = "{unit: 万元/亩, numerator: profit_wan_yuan, numerator_unit: 万元, denominator: land_area_mu,"
    own = f"\nX1: {profit} denominator_unit: 亩, feeds: [gov_statistics_annual]}}\n"
    path = tmp_path / "indicators.yml"
    monkeypatch.setenv("BRAIN_RULES", str(tmp_path))
    for text, told in (
        (own, None),
        (own.replace("X1", "I1"), "indicators.yml line 2: I1: there is an indicator of this code already"),
        (own.replace("unit: 万元/亩, ", ""), "indicators.yml line 2: X1: unit: Field required"),
        (own.replace("{unit", "{better: less, unit"), "profit_wan_yuan may be negative"),
    ):
        path.write_text(text, encoding="utf-8")
        if told is None:
            assert indicator_definitions.__wrapped__()["X1"].numerator == "profit_wan_yuan"
        else:
            assert told in refusal(indicator_definitions.__wrapped__)
    monkeypatch.setenv("BRAIN_RULES", str(tmp_path / "none"))
    assert "no such folder; create it or unset" in refusal(indicator_definitions.__wrapped__)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"lists": every_list(I1=indicator("100", scoring="min_max"))}, "range belong together"),
        ({"lists": every_list(I1=indicator("100", {"method": "range"}))}, "range belong together"),
        ({"lists": every_list(I1=indicator("100", {"method": "range", "factor": 2}, scoring="min_max"))}, "no factor"),
        ({"lists": every_list_of({"all": ["17"]}, I1=indicator("100"))}, "may not be called all"),
        ({"lists": every_list_of({"a": ["17"], "b": ["17"]}, I1=indicator("100"))}, "17 is in two groups"),
        ({"lists": every_list_of({"a": ["x"]}, I1=indicator("100"))}, "industries.0"),
        ({"quota": quota(carry=True), "lists": {**every_list(I1=indicator("100")), "tenant": {
            "indicators": {"I1": indicator("100")}, "quota": quota()}}}, "all lists carry and round alike"),
        ({"valid_from": "2024-02-01", "valid_to": "2024-01-01"}, "is after valid_to"),
    ],
)  # fmt: skip
def test_contradictory_formulas_and_groups_are_refused(changes: dict[str, Any], says: str) -> None:
    assert says in refusal(lambda: parse_rule_set("x.yml", document(**changes)))
