"""Why a firm has its status in the evaluation, step by step 参评状态说明: above all why it has no grade.

Works on rows of a release, without Spark: reasons in words, the figures and days behind them, the rule, and whom to ask
where data is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from jobs.per_mu.rules.models import IndicatorDefinition, RuleSet, indicator_definitions
from jobs.per_mu.steps.reasons import FEED_FIGURES, LAND_FEEDS, feeds_of, owners_of, title_of
from schemas.contract import contract

Row = Mapping[str, Any]
Query = Callable[..., Sequence[Row]]


@dataclass(frozen=True)
class Case:
    """A firm's row of per_mu.population with the data behind it."""

    row: Row
    firm: Row
    figures: Row
    rules: RuleSet | None
    query: Query


def explain_standing(row: Row, query: Query) -> list[str]:
    """The steps of one row of per_mu.population, from a release's tables."""
    key = (row["uscc"], row["year"])
    firms = query("SELECT * FROM core.enterprise WHERE uscc = ? AND year = ?", *key)
    figures = query("SELECT * FROM core.enterprise_year WHERE uscc = ? AND year = ?", *key)
    books = query("SELECT content FROM release.rule_set WHERE rule_set_id = ?", row["rule_set_id"] or "")
    rules = RuleSet.model_validate_json(books[0]["content"]) if books else None
    case = Case(row, firms[0] if firms else {}, figures[0] if figures else {}, rules, query)
    reasons = (line for code in row["status_reasons"] for line in _reason(case, code))
    return [*_status(case), *reasons, *_until(case), *_unit(case)]


def _status(case: Case) -> Iterator[str]:
    row, rules = case.row, case.rules
    name = case.firm.get("enterprise_name", "")
    yield (
        f"{name}（{row['uscc']}），{row['year']} 年度，{title_of('district', row['district_code'])}，"
        f"{title_of('per_mu_list', row['list_code'])}；规则集 rule set {rules.id if rules else '无 none'}"
    )
    has_grade = row["eval_status_code"] == "graded"
    effect = "有等级 has a grade" if has_grade else "无等级 has no grade"
    yield f"参评状态 status: {title_of('eval_status', row['eval_status_code'])}，{effect}"


def _unit(case: Case) -> Iterator[str]:
    row = case.row
    if row["unit_role_code"] != "own":
        names = case.query(
            "SELECT enterprise_name FROM core.enterprise WHERE uscc = ? AND year = ?",
            row["evaluation_uscc"], row["year"],
        )  # fmt: skip
        name = names[0]["enterprise_name"] if names else ""
        yield f"{title_of('unit_role', row['unit_role_code'])} unit of evaluation: {name} {row['evaluation_uscc']}"


def _reason(case: Case, code: str) -> Iterator[str]:
    kind, _, detail = code.partition(":")
    told = _REASONS.get(kind)
    yield f"原因 reason: {title_of('status_reason', kind)}" + (f" {detail}" if detail and not told else "")
    if told:
        yield from (f"  {line}" for line in told(case, detail))


# --- out of scope, exempt, protected ---------------------------------------------------------------------


def _no_rule_set(case: Case, _: str) -> Iterator[str]:
    yield f"没有适用于 {case.row['district_code']} 和 {case.row['year']} 年度的规则集 no rule set holds there and then"


def _not_industry(case: Case, _: str) -> Iterator[str]:
    division = case.firm.get("industry_division_code")
    yield (
        f"行业 industry {division} {title_of('industry_division', division or '')} 不在 06–46 大类 "
        "is not among the divisions 06 to 46 (GB/T 4754)"
    )


def _registration(case: Case, status: str) -> Iterator[str]:
    assert case.rules
    listed = "、".join(title_of("registration_status", s) for s in case.rules.inactive_statuses)
    yield (
        f"登记状态 {title_of('registration_status', status)}；{_rule(case)}不评价 does not evaluate: {listed}；"
        f"如有误请联系 if wrong ask: {owners_of('gov_business_registry')}"
    )


def _industry(case: Case, prefix: str) -> Iterator[str]:
    assert case.rules
    code = case.firm.get("industry_code") or case.firm.get("industry_division_code") or ""
    title = title_of("industry_class", code) if len(code) == 4 else title_of("industry_division", code)
    yield f"行业 industry {code} {title}；{_rule(case)}免评 exempts: {'、'.join(case.rules.exempt_industries)}"
    yield from _assumed(case, "exempt_industries")


def _new_firm(case: Case, _: str) -> Iterator[str]:
    assert case.rules and case.rules.protection.new_firm
    rule = case.rules.protection.new_firm
    day = case.firm.get("registered_date")
    yield f"成立 registered {day}，{_rule(case)}保护 {rule.years} 年 protects for {rule.years} years"


def _new_land(case: Case, _: str) -> Iterator[str]:
    assert case.rules and case.rules.protection.new_land
    rule = case.rules.protection.new_land
    parcels = case.query(
        "SELECT * FROM core.parcel WHERE owner_uscc = ? AND year = ? ORDER BY parcel_id",
        case.row["uscc"], case.row["year"],
    )  # fmt: skip
    for parcel in parcels:
        due = parcel["completion_due_date"]
        yield (
            f"宗地 parcel {parcel['parcel_id']}：{title_of('supply_mode', parcel['supply_mode_code'])}，取得 acquired "
            f"{parcel['acquired_date']}" + (f"，约定竣工 to be completed by {due}" if due else "")
        )
    yield (
        f"全部用地取得不满 {rule.years} 年且未到约定竣工日 all land is younger than {rule.years} years and not past "
        f"its completion date；{_rule(case)}予以保护 protects it"
    )


def _until(case: Case) -> Iterator[str]:
    until: date | None = case.row["protected_until_date"]
    if until:
        year = until.year
        yield f"保护至 protected until {until}；按此自 {year} 年度起参评 by this it is evaluated from {year} on"


def _no_land_use(case: Case, _: str) -> Iterator[str]:
    yield f"用地调查和宗地登记均无该企业 neither land survey nor parcels have the firm；{_ask(LAND_FEEDS)}"


def _zero_land(case: Case, _: str) -> Iterator[str]:
    yield f"用地面积为零，无法计算亩均指标 the land area is zero, so nothing per mu can be computed；{_ask(LAND_FEEDS)}"


def _list_not_evaluated(case: Case, _: str) -> Iterator[str]:
    yield f"{_rule(case)}不评价该榜单 does not evaluate {title_of('per_mu_list', case.row['list_code'])}"


# --- incomplete data -------------------------------------------------------------------------------------


def _missing(case: Case, what: str) -> Iterator[str]:
    if what == "industry_code":
        yield f"名录与登记均无行业代码 neither directory nor registry has it；{_ask(('gov_statistics_directory',))}"
        return
    feeds = feeds_of(what)
    if what in FEED_FIGURES:
        held = [feed for feed in feeds if feed in (case.figures.get("quarantined_feeds") or ())]
        state = "记录被隔离 its record is in quarantine" if held else "无该企业记录 no record of the firm"
        figures = "、".join(_figure(name) for name in FEED_FIGURES[what] if name in _needed(case))
        yield f"{'、'.join(map(_feed, feeds))}：{state}，缺 missing: {figures}；{_ask(feeds)}"
    else:
        yield f"{_figure(what)} 未报送 not reported in {'、'.join(map(_feed, feeds))}；{_ask(feeds)}"
    yield from _needed_by(case, what)


def _zero(case: Case, figure: str) -> Iterator[str]:
    told = "不大于零，不能作分母 is not above zero and cannot be a denominator"
    yield f"{_figure(figure)} {told}；{_ask(feeds_of(figure))}"
    yield from _needed_by(case, figure)


def _quarantined(case: Case, feed: str) -> Iterator[str]:
    yield (
        f"{_feed(feed)}：{case.row['year']} 年有记录被隔离，数据存疑 a record of the year is in quarantine, so its "
        f"figures are in doubt；./brain quarantine show {feed}；{_ask((feed,))}"
    )


def _strict(case: Case) -> list[tuple[str, IndicatorDefinition]]:
    """The indicators without whose figures the firm's list cannot be evaluated."""
    rules = case.rules.lists.get(case.row["list_code"]) if case.rules else None
    return [
        (code, indicator_definitions()[code])
        for code, rule in (rules.indicators.items() if rules else ())
        if rule.missing == "data_incomplete"
    ]


def _needed(case: Case) -> set[str]:
    """The figures of these indicators."""
    return {figure for _, d in _strict(case) for figure in (d.numerator, d.denominator)}


def _needed_by(case: Case, what: str) -> Iterator[str]:
    figures = set(FEED_FIGURES.get(what, (what,)))
    codes = [code for code, d in _strict(case) if figures & {d.numerator, d.denominator}]
    if codes:
        named = "、".join(f"{code} {title_of('per_mu_indicator', code)}" for code in codes)
        yield f"用于 needed for: {named}"


def _feed(feed: str) -> str:
    return contract(f"raw.{feed}").title.zh


def _ask(feeds: Sequence[str]) -> str:
    return f"请联系 ask: {owners_of(*feeds)}"


def _figure(name: str) -> str:
    if name == "tax_contribution":
        return contract("per_mu.unit").column("tax_contribution_wan_yuan").zh
    return contract("core.enterprise_year").column(name).zh


# --- the rule --------------------------------------------------------------------------------------------


def _rule(case: Case) -> str:
    assert case.rules
    return f"{case.rules.title.zh}（{case.rules.id}）"


def _assumed(case: Case, field: str) -> Iterator[str]:
    """The reason for a field of the rule that no published text prescribes."""
    assert case.rules
    for note in case.rules.assumptions:
        if note.field == field:
            yield f"平台假设 assumed: {note.why}"


_REASONS: Mapping[str, Callable[[Case, str], Iterator[str]]] = {
    "no_rule_set": _no_rule_set,
    "not_industry": _not_industry,
    "registration": _registration,
    "industry": _industry,
    "new_firm": _new_firm,
    "new_land": _new_land,
    "no_land_use": _no_land_use,
    "zero_land": _zero_land,
    "list_not_evaluated": _list_not_evaluated,
    "missing": _missing,
    "zero": _zero,
    "quarantined": _quarantined,
}
