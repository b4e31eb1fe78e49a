"""A form of a rule gives the fields that were changed in it, as the command line takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from jobs.per_mu.rules.models import RuleSet
from jobs.per_mu.rules.reading import load_rule_book
from jobs.per_mu.rules.trial import effect, from_fields
from portal.queries.rule_form import RuleForm, changed_fields, form_of

LIST = "above_scale"


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load_rule_book().for_("330282", "2024")


def as_sent(form: RuleForm) -> tuple[dict[str, str], dict[str, list[str]]]:
    """What a browser sends of a form in which nothing is touched."""
    single = {
        **{f"veto_{code}": chosen for code, chosen in form.vetoes.items()},
        **{f"place_{name}": chosen for name, chosen in form.places.items()},
        "repaired_veto": form.repaired_veto,
        "veto_overrides": form.veto_overrides,
        "new_firm_years": form.new_firm[0],
        "new_firm_effect": form.new_firm[1],
        "new_land_years": form.new_land[0],
        "new_land_effect": form.new_land[1],
        "upgraded": form.upgraded,
        "exempt_industries": form.exempt_industries,
    }
    ticks = {
        "tax": form.tax_components,
        "supply_mode": form.supply_modes,
        "inactive": form.inactive_statuses,
    }
    return single, {name: ["", *(code for code, is_in in of.items() if is_in)] for name, of in ticks.items()}


def changes(
    rules: RuleSet, given: Mapping[str, str], several: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    form = form_of(rules, LIST)
    single, ticked = as_sent(form)
    return changed_fields(form, {**single, **given}, {**ticked, **(several or {})})


def test_a_form_in_which_nothing_is_touched_changes_nothing(rules: RuleSet) -> None:
    assert changes(rules, {}) == []
    assert changed_fields(form_of(rules, LIST), {}, {}) == []


@pytest.mark.parametrize(
    ("given", "several", "fields"),
    [
        ({"veto_safety_fatal": ""}, {}, ["vetoes.safety_fatal=null"]),
        ({"veto_minor_fine": "not_above_c"}, {}, ["vetoes.minor_fine=not_above_c"]),
        ({"repaired_veto": "lifted"}, {}, ["repaired_veto=lifted"]),
        ({"veto_overrides": "no"}, {}, ["protection.veto_overrides=false"]),
        ({"new_firm_years": "3"}, {}, ["protection.new_firm.years=3"]),
        ({"new_firm_years": " "}, {}, ["protection.new_firm=null"]),
        ({"new_firm_effect": "not_below_c"}, {}, ["protection.new_firm.effect=not_below_c"]),
        ({"new_land_years": ""}, {"supply_mode": [""]}, ["protection.new_land=null"]),
        ({}, {"supply_mode": ["", "granted"]}, ["protection.new_land.supply_modes=[granted]"]),
        ({"upgraded": "none"}, {}, ["protection.upgraded=none"]),
        ({"exempt_industries": "44、45"}, {}, ['exempt_industries=["44", "45"]']),
        ({"exempt_industries": "46 45,44"}, {}, []),
        ({"exempt_industries": ""}, {}, ["exempt_industries=[]"]),
        ({}, {"inactive": [""]}, ["inactive_statuses=[]"]),
        ({"place_refill_vetoed": "yes"}, {}, ["lists.above_scale.quota.refill_vetoed=true"]),
        ({}, {"tax": [""]}, ["tax_components=[]"]),
        ({}, {"tax": ["", "vat", "income"]}, ["tax_components=[vat, income]"]),
    ],
)
def test_a_changed_field_is_named_with_its_value(
    rules: RuleSet, given: dict[str, str], several: dict[str, list[str]], fields: list[str]
) -> None:
    assert changes(rules, given, several) == fields


def test_the_form_of_the_changed_rule_holds_what_was_sent(rules: RuleSet) -> None:
    """What the form sends is a rule, and its own form says the same."""
    given = {
        "veto_safety_fatal": "not_above_c",
        "veto_report_refused": "",
        "veto_minor_fine": "direct_d",
        "veto_overrides": "no",
        "new_firm_years": "",
        "new_land_years": "5",
        "new_land_effect": "not_below_c",
        "upgraded": "none",
        "exempt_industries": "013 44",
        "place_count_exempt": "yes",
    }
    several = {"supply_mode": ["", "allocated"], "inactive": ["", "cancelled"]}
    changed = from_fields(changes(rules, given, several), rules)
    form = form_of(changed, LIST)
    single, ticked = as_sent(form)
    for name, value in given.items():
        assert single[name] == value
    for name, codes in several.items():
        assert ticked[name] == codes
    again: dict[str, Any] = effect(from_fields(changes(changed, *as_sent(form_of(rules, LIST))), changed))
    assert again["vetoes"] == effect(rules)["vetoes"]
    assert again["protection"] == effect(rules)["protection"]


@pytest.mark.parametrize("field", ["new_firm_years", "new_land_years"])
def test_a_number_that_is_none_is_told_by_its_field(rules: RuleSet, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        changes(rules, {field: "many"})
