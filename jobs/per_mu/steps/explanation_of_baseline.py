"""The computation of a baseline 基准值的计算说明: with and without the list's giants, and which of them it names.

Works on rows of a release, without Spark. A release made before giants were named has only the value in force.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from typing import Any

from jobs.per_mu.rules.models import RuleSet, indicator_definitions
from jobs.per_mu.steps.reasons import title_of
from jobs.per_mu.steps.told import check, figure

Row = Mapping[str, Any]
Rows = Sequence[Row]
_STEP = Decimal("0.000001")


def explain_baseline(row: Row, query: Callable[..., Rows]) -> list[str]:
    """The steps of one row of per_mu.baseline, from a release's tables."""
    definition = indicator_definitions().get(row["indicator_code"])
    unit = f" {definition.unit}" if definition else ""
    told = [_what(row, unit)]
    if row["method_code"] == "fixed" or "giants" not in row:
        return told
    [book] = query("SELECT content FROM release.rule_set WHERE rule_set_id = ?", row["rule_set_id"])
    rules = RuleSet.model_validate_json(book["content"])
    units = query(
        """SELECT v.uscc, e.enterprise_name, v.numerator, v.denominator, v.value FROM per_mu.indicator_value v
        LEFT JOIN core.enterprise e ON e.uscc = v.uscc AND e.year = v.year
        WHERE v.year = ? AND v.district_code = ? AND v.list_code = ? AND v.indicator_code = ? AND v.value IS NOT NULL
        ORDER BY v.uscc""",
        *(row[name] for name in ("year", "district_code", "list_code", "indicator_code")),
    )
    return [*told, *_both(row, units, rules, unit), *_giants(row, units, rules)]


def _what(row: Row, unit: str) -> str:
    return (
        f"{row['year']} 年度，{title_of('district', row['district_code'])}，"
        f"{title_of('per_mu_list', row['list_code'])}，{row['indicator_code']} "
        f"{title_of('per_mu_indicator', row['indicator_code'])}；规则集 rule set {row['rule_set_id']}；基准值 baseline "
        f"{figure(row['value'])}{unit}，{title_of('baseline_method', row['method_code'])}"
    )


def _both(row: Row, units: Rows, rules: RuleSet, unit: str) -> Iterator[str]:
    """The baseline of all units and that of the others, each computed again."""
    factor = rules.lists[row["list_code"]].indicators[row["indicator_code"]].baseline.factor
    others = [u for u in units if u["uscc"] not in row["giants"]]
    for name, among, column in (
        ("含龙头 with giants", units, "value_with_giants"),
        ("剔除龙头 without giants", others, "value_without_giants"),
    ):
        computed = _computed(row["method_code"], among, factor)
        told = f"{name}: {len(among)} 家 units → {figure(row[column])}{unit}"
        yield told + ("" if computed is None else check(computed, row[column]))


def _computed(method: str, units: Rows, factor: Decimal) -> Decimal | None:
    """The baseline of the units by the method, times the factor; ``None`` where it is not above zero."""
    if not units:
        return None
    values = [u["value"] for u in units]
    if method == "aggregate":
        numerator, denominator = (
            sum((u[side] for u in units), Decimal(0)) for side in ("numerator", "denominator")
        )
    elif method == "mean":
        numerator, denominator = sum(values, Decimal(0)), Decimal(len(values))
    else:
        numerator, denominator = median(values), Decimal(1)
    plain = (Decimal(numerator) / Decimal(denominator)).quantize(_STEP, ROUND_HALF_UP)
    scaled = (plain * factor).quantize(_STEP, ROUND_HALF_UP)
    return scaled if scaled > 0 else None


def _giants(row: Row, units: Rows, rules: RuleSet) -> Iterator[str]:
    yield (
        f"龙头 giants: {row['giant_count']} 家，{title_of('giant_treatment', row['giant_treatment_code'])}；"
        f"认定 a giant has 榜内税收或增加值的 {figure(rules.giant_share * 100)}% 以上 of the list's tax or value added "
        f"and 中位数的 {figure(rules.giant_times_median)} 倍以上 times the median，至少 {rules.giant_from_units} 家且 "
        f"{figure(rules.giant_reporting_share * 100)}% 的单元报送该数 of units report it"
    )
    total = sum((u["numerator"] for u in units), Decimal(0))
    for u in units:
        if u["uscc"] in row["giants"]:
            share = (100 * Decimal(u["numerator"]) / total).quantize(Decimal("0.1")) if total > 0 else None
            part = "" if share is None else f"，占分子 {figure(share)}% of the numerator"
            sides = f"{figure(u['numerator'])} ÷ {figure(u['denominator'])} = {figure(u['value'])}"
            yield f"  {u['enterprise_name'] or ''}（{u['uscc']}）: {sides}{part}"
