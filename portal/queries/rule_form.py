"""The rule in force of a district, year and list as a form's fields, and the form's answers as changed fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from jobs.per_mu.rules.models import ListRules, NewFirm, NewLand, RuleSet, indicator_definitions
from jobs.per_mu.rules.tax_columns import TAX_COLUMNS
from schemas.contract import code_list

METHODS = ("aggregate", "median", "mean", "range", "fixed")
#: Grades whose shares are asked for; C gets the rest.
SHARES = ("A", "B", "D")
#: What a veto does; an empty choice is no veto.
VETO_EFFECTS = ("direct_d", "not_above_c")
#: What becomes of a veto that credit repair lifts within the year.
REPAIRED = ("stays", "not_above_c", "lifted")
#: What protects new firms and new land: they are not judged, or not below C.
PROTECTIONS = ("protected", "not_below_c")
#: Firms that rose above scale: nothing protects them, or they are not below C.
UPGRADED = ("none", "not_below_c")
#: Whether vetoed, exempt and protected firms count among the places of a list.
PLACES = ("refill_vetoed", "vetoed_count_in_d", "count_exempt", "count_protected")
#: Fields of many values: a form sends an empty value with each, so that none ticked is told from none sent.
SEVERAL = ("tax", "supply_mode", "inactive")


@dataclass(frozen=True)
class IndicatorField:
    """An indicator's fields as texts."""

    code: str
    unit: str
    weight: str
    method: str
    value: str
    giants: str


@dataclass(frozen=True)
class RuleForm:
    """The fields of one list of a rule set, as texts; shares in per cent."""

    list_code: str
    indicators: tuple[IndicatorField, ...]
    shares: Mapping[str, str]
    cap_ratio: str
    tax_components: Mapping[str, bool]
    #: Reason → its effect, empty for none.
    vetoes: Mapping[str, str]
    repaired_veto: str
    veto_overrides: str
    #: Years of protection, empty for none, and its effect.
    new_firm: tuple[str, str]
    new_land: tuple[str, str]
    supply_modes: Mapping[str, bool]
    upgraded: str
    exempt_industries: str
    inactive_statuses: Mapping[str, bool]
    #: Name of a field of the quota → yes or no.
    places: Mapping[str, str]


def text(amount: Decimal | None) -> str:
    """
    >>> text(Decimal("10.00")), text(None)
    ('10', '')
    """
    return "" if amount is None else format(amount.normalize(), "f")


def form_of(rules: RuleSet, list_code: str) -> RuleForm:
    """The form filled with a rule set.

    Raises:
        KeyError: the rule set has no such list.
    """
    one: ListRules = rules.lists[list_code]
    quota = one.quota or rules.quota
    definitions = indicator_definitions()
    protection = rules.protection
    modes = (protection.new_land or NewLand(years=0)).supply_modes
    return RuleForm(
        list_code,
        tuple(
            IndicatorField(
                code,
                definitions[code].unit,
                text(rule.weight),
                rule.baseline.method,
                text(rule.baseline.value),
                rule.baseline.giants,
            )
            for code, rule in one.indicators.items()
        ),
        {grade: text(quota.shares[grade] * 100) for grade in SHARES},  # type: ignore[index]
        text(rules.cap_ratio),
        {name: name in rules.tax_components for name in TAX_COLUMNS},
        vetoes={code: rules.vetoes.get(code, "") for code in code_list("penalty")},
        repaired_veto=rules.repaired_veto,
        veto_overrides=_yes(protection.veto_overrides),
        new_firm=_new(protection.new_firm),
        new_land=_new(protection.new_land),
        supply_modes={code: code in modes for code in code_list("supply_mode")},
        upgraded=protection.upgraded,
        exempt_industries=" ".join(rules.exempt_industries),
        inactive_statuses={
            code: code in rules.inactive_statuses for code in code_list("registration_status")
        },
        places={name: _yes(getattr(quota, name)) for name in PLACES},
    )


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _new(rule: NewFirm | None) -> tuple[str, str]:
    return (str(rule.years), rule.effect) if rule else ("", PROTECTIONS[0])


def changed_fields(
    before: RuleForm, given: Mapping[str, str], several: Mapping[str, Sequence[str]]
) -> list[str]:
    """The fields that a sent form changes, each as ``path=value``; a field that was not sent is unchanged.

    Args:
        several: the values of each field of :data:`SEVERAL`.

    Raises:
        ValueError: a number is none; the message is the name of the form's field.
    """
    found: list[str] = []
    root = f"lists.{before.list_code}"
    for one in before.indicators:
        path = f"{root}.indicators.{one.code}"
        weight = given.get(f"weight_{one.code}", one.weight)
        if _differs(f"weight_{one.code}", weight, one.weight):
            # an indicator without weight is none
            found.append(f"{path}=null" if _is_zero(weight) else f"{path}.weight={weight.strip()}")
        method = given.get(f"method_{one.code}", one.method)
        value = given.get(f"value_{one.code}", one.value).strip() if method == "fixed" else ""
        if not _is_zero(weight):
            if method != one.method:
                found.append(f"{path}.baseline.method={method}")
                if "range" in (method, one.method):  # scores by minimum and maximum belong to a range
                    found.append(f"{path}.scoring={'min_max' if method == 'range' else 'ratio'}")
            if _differs(f"value_{one.code}", value, one.value):
                found.append(f"{path}.baseline.value={value or 'null'}")
            if (giants := given.get(f"giants_{one.code}", one.giants)) != one.giants:
                found.append(f"{path}.baseline.giants={giants}")
    for grade in SHARES:
        share = given.get(f"share_{grade}", before.shares[grade])
        if _differs(f"share_{grade}", share, before.shares[grade]):
            found.append(f"{root}.quota.shares.{grade}={text(_number(f'share_{grade}', share) / 100)}")
    cap = given.get("cap_ratio", before.cap_ratio)
    if _differs("cap_ratio", cap, before.cap_ratio):
        found.append(f"cap_ratio={cap.strip() or 'null'}")
    found += _ticked("tax_components", before.tax_components, several.get("tax", ()))
    found += _vetoes(before, given)
    found += _protections(before, given, several)
    for name in PLACES:
        if (chosen := given.get(f"place_{name}", before.places[name])) != before.places[name]:
            found.append(f"{root}.quota.{name}={_true(chosen)}")
    return found


def _vetoes(before: RuleForm, given: Mapping[str, str]) -> Iterator[str]:
    for code, effect in before.vetoes.items():
        if (chosen := given.get(f"veto_{code}", effect)) != effect:
            yield f"vetoes.{code}={chosen or 'null'}"
    if (repaired := given.get("repaired_veto", before.repaired_veto)) != before.repaired_veto:
        yield f"repaired_veto={repaired}"
    if (overrides := given.get("veto_overrides", before.veto_overrides)) != before.veto_overrides:
        yield f"protection.veto_overrides={_true(overrides)}"


def _protections(
    before: RuleForm, given: Mapping[str, str], several: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """Fields that say who is not judged, or not below C."""
    for name, (years, effect) in (("new_firm", before.new_firm), ("new_land", before.new_land)):
        path = f"protection.{name}"
        sent = given.get(f"{name}_years", years).strip()
        if _differs(f"{name}_years", sent, years):
            yield f"{path}.years={sent}" if sent else f"{path}=null"
        if sent and (chosen := given.get(f"{name}_effect", effect)) != effect:
            yield f"{path}.effect={chosen}"
        if sent and name == "new_land":
            yield from _ticked(f"{path}.supply_modes", before.supply_modes, several.get("supply_mode", ()))
    if (upgraded := given.get("upgraded", before.upgraded)) != before.upgraded:
        yield f"protection.upgraded={upgraded}"
    exempt = before.exempt_industries.split()
    asked = re.split(r"[\s,;，；、]+", given.get("exempt_industries", before.exempt_industries).strip())
    if set(asked) - {""} != set(exempt):
        # a code is a text: 0133 is no number
        yield f"exempt_industries={json.dumps(sorted(set(asked) - {''}))}"
    yield from _ticked("inactive_statuses", before.inactive_statuses, several.get("inactive", ()))


def _ticked(path: str, before: Mapping[str, bool], sent: Sequence[str]) -> Iterator[str]:
    """The field of a list of codes, if others are ticked; nothing sent changes nothing."""
    ticked = [code for code in before if code in sent]
    if sent and ticked != [code for code, is_in in before.items() if is_in]:
        yield f"{path}=[{', '.join(ticked)}]"


def _true(chosen: str) -> str:
    """A choice of yes or no as a value of a rule; anything else is for the model to reject."""
    return {"yes": "true", "no": "false"}.get(chosen, json.dumps(chosen))


def _is_zero(amount: str) -> bool:
    try:
        return Decimal(amount.strip()) == 0
    except InvalidOperation:
        return False


def _number(field: str, amount: str) -> Decimal:
    try:
        found = Decimal(amount.strip())
    except InvalidOperation:
        raise ValueError(field) from None
    if not found.is_finite():
        raise ValueError(field)
    return found


def _differs(field: str, given: str, before: str) -> bool:
    """Whether a sent number is another one; an empty one is none."""
    if not given.strip():
        return bool(before)
    return _number(field, given) != (Decimal(before) if before else None)
