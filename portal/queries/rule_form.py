"""The rule in force of a district, year and list as a form's fields, and the form's answers as changed fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from jobs.per_mu.rules.models import ListRules, RuleSet, indicator_definitions
from jobs.per_mu.rules.tax_columns import TAX_COLUMNS

METHODS = ("aggregate", "median", "mean", "range", "fixed")
#: Grades whose shares are asked for; C gets the rest.
SHARES = ("A", "B", "D")


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
    )


def changed_fields(before: RuleForm, given: Mapping[str, str], taxes: list[str]) -> list[str]:
    """The fields that a sent form changes, each as ``path=value``; a field that was not sent is unchanged.

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
    if taxes and set(taxes) != {name for name, is_in in before.tax_components.items() if is_in}:
        found.append(f"tax_components=[{', '.join(name for name in TAX_COLUMNS if name in taxes)}]")
    return found


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
