"""The computation of a grade step by step 等级的计算说明: from the figures to the final grade.

Works on rows of a release, without Spark. Every step is computed again with decimals and compared with the published
figure, so that a reader can verify it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from jobs.per_mu.rules.models import RuleSet, indicator_definitions
from jobs.per_mu.rules.tax_columns import EXCLUDED_COLUMNS, TAX_COLUMNS
from jobs.per_mu.steps.formula import arithmetic, computed, formula_of
from jobs.per_mu.steps.reasons import owed, title_of, told_reason
from jobs.per_mu.steps.told import check, figure
from jobs.per_mu.steps.what_if import SEATED, passed_seats, ranked_list
from schemas.contract import code_list, contract

Row = Mapping[str, Any]
Rows = Sequence[Row]
#: ``query(sql, *values)``: rows of the release.
Query = Callable[..., Rows]

_ROUNDING = {"floor": ROUND_FLOOR, "ceil": ROUND_CEILING, "half_up": ROUND_HALF_UP}
_ROUNDING_ZH = {"floor": "舍去小数", "ceil": "进一", "half_up": "四舍五入"}
_EDGE_ZH = {
    "tie_break": "同分比亩均税收，仍相同者同名次、均取较低等级",
    "all_in": "同分者均取较高等级",
    "all_out": "同分者均取较低等级",
}


@dataclass(frozen=True)
class Facts:
    """Everything that a grade is derived from, as rows of one release."""

    grade: Row
    rule_set: RuleSet
    indicators: Rows
    adjustments: Rows
    #: Figures of every firm of the unit of evaluation (one, unless tenants are merged).
    figures: Rows
    exempt: int
    protected: int
    #: Exact seats of A, B and D of the lists before, whose fractions pass to this one.
    passed: tuple[Decimal, ...]
    #: The unit's grade without its vetoes, where it has some and the list can be computed again.
    without_veto: str | None = None


def explain_row(grade: Row, query: Query) -> list[str]:
    """The steps of one row of per_mu.enterprise_grade, from a release's tables."""
    return explain_grade(grade_facts(grade, query))


def grade_facts(grade: Row, query: Query) -> Facts:
    """Collect the data behind a row of per_mu.enterprise_grade."""
    unit, year = grade["evaluation_uscc"], grade["year"]
    [book] = query("SELECT content FROM release.rule_set WHERE rule_set_id = ?", grade["rule_set_id"])
    group = [grade["ranking_group"]] if grade.get("ranking_group") else []  # older releases lack it
    [left_out] = query(
        """SELECT count(*) FILTER (eval_status_code = 'exempt') AS exempt,
            count(*) FILTER (eval_status_code = 'protected') AS protected
        FROM per_mu.population WHERE year = ? AND district_code = ? AND list_code = ?"""
        + (" AND ranking_group = ?" if group else ""),
        year, grade["district_code"], grade["list_code"], *group,
    )  # fmt: skip
    rules = RuleSet.model_validate_json(book["content"])
    carries = rules.quota_of(grade["list_code"]).carry
    return Facts(
        grade=grade,
        rule_set=rules,
        passed=passed_seats(query, rules, grade) if carries else (Decimal(0),) * len(SEATED),
        indicators=query(
            "SELECT * FROM per_mu.indicator_value WHERE uscc = ? AND year = ? ORDER BY indicator_code", unit, year
        ),
        adjustments=query(
            """SELECT a.*, e.event_date FROM per_mu.adjustment a
            LEFT JOIN core.enterprise_event e ON e.event_id = a.event_id AND e.year = a.year
            WHERE a.uscc = ? AND a.year = ? ORDER BY a.adjustment_code, a.event_id""",
            grade["uscc"], year,
        ),
        figures=query(
            """SELECT y.* FROM core.enterprise_year y JOIN per_mu.population p USING (uscc, year)
            WHERE p.evaluation_uscc = ? AND y.year = ? AND p.unit_role_code IN ('own', 'merged') ORDER BY y.uscc""",
            unit, year,
        ),
        exempt=left_out["exempt"],
        protected=left_out["protected"],
        without_veto=_without_veto(grade, query),
    )  # fmt: skip


def _without_veto(grade: Row, query: Query) -> str | None:
    """The grade without vetoes of firm and unit; ``None`` if there are none or the list cannot be computed again."""
    if not any(code.startswith("veto:") for code in grade["grade_reasons"]):
        return None
    [unit] = query(
        """SELECT * FROM per_mu.enterprise_grade WHERE uscc = ? AND year = ?
        ORDER BY evaluation_version DESC LIMIT 1""",
        grade["evaluation_uscc"], grade["year"],
    )  # fmt: skip
    ranked = ranked_list(query, unit)
    return ranked.grade(is_vetoed=False) if ranked and ranked.reproduces() else None


def explain_grade(facts: Facts) -> list[str]:
    """The steps from figures to final grade, one line each."""
    return [
        *_who(facts),
        *_tax(facts),
        *(told_indicator(row, facts.rule_set) for row in facts.indicators),
        *_withheld(facts),
        *_total(facts),
        *_initial(facts),
        *_final(facts),
    ]


def _who(facts: Facts) -> Iterator[str]:
    g, rules = facts.grade, facts.rule_set
    yield (
        f"{g['enterprise_name']}（{g['uscc']}），{g['year']} 年度，{title_of('district', g['district_code'])}，"
        f"{title_of('per_mu_list', g['list_code'])}；规则集 rule set {rules.id}"
    )
    if (g.get("figures_as_of") or g["year"]) != g["year"]:
        yield f"数据截至 {g['figures_as_of']}，年中预评价 a pre-evaluation: the figures cover only part of the year"
    if g["evaluation_uscc"] != g["uscc"]:
        yield f"租赁企业随宗地主评价 follows the parcel's holder: {g['evaluation_uscc']}"


def _tax(facts: Facts) -> Iterator[str]:
    """The taxes in the tax contribution, and their sum."""
    parts: list[tuple[str, Decimal]] = []
    titles = contract("core.enterprise_year")
    for component in facts.rule_set.tax_components:
        column = TAX_COLUMNS[component]
        amount = sum((row[column] or Decimal(0) for row in facts.figures), Decimal(0))
        if amount:
            parts.append((titles.column(column).zh, amount))
    for kind in facts.rule_set.tax_exclusions:
        column = EXCLUDED_COLUMNS[kind]
        # a release before there were such amounts lacks the column
        if amount := sum((row.get(column) or Decimal(0) for row in facts.figures), Decimal(0)):
            parts.append((f"剔除{titles.column(column).zh}", -amount))
    if parts:
        total = sum((amount for _, amount in parts), Decimal(0))
        told = " + ".join(f"{zh} {figure(amount)}" for zh, amount in parts)
        yield f"税收实际贡献 tax contribution = {told} = {figure(total)} 万元"


def told_indicator(row: Row, rules: RuleSet) -> str:
    """An indicator of an enterprise or of another object: value, baseline, weight and score, recomputed."""
    d = indicator_definitions()[row["indicator_code"]]
    title = code_list("per_mu_indicator")[row["indicator_code"]]
    name = f"{row['indicator_code']} {title['zh']} {title['en']}"
    sides = (
        f"{figure(row['numerator'])} {d.numerator_unit} ÷ {figure(row['denominator'])} {d.denominator_unit}"
    )
    points = f"{figure(row['score'])} 分"
    note = f"（{title_of('indicator_note', row['note_code'])}）" if row["note_code"] else ""
    if row["value"] is None:
        return f"{name} = {sides}：无值 no value；得分 score {points}{note}"
    if row["baseline"] is None:
        return f"{name} = {sides} = {figure(row['value'])} {d.unit}；得分 score {points}{note}"
    least_share = rules.lists[row["list_code"]].indicators[row["indicator_code"]].least_share
    step = Decimal(1).scaleb(-rules.rounding.score_scale)
    mode = ROUND_HALF_UP if rules.rounding.mode == "half_up" else ROUND_DOWN
    again = computed(row, least_share).quantize(step, mode)
    verdict = "" if row["note_code"] else check(again, row["score"])
    how = title_of("scoring", formula_of(row))
    return (
        f"{name} = {sides} = {figure(row['value'])} {d.unit}；{how}；得分 score = "
        f"{arithmetic(row, least_share)} = {figure(again)}"
        + (f"，计 {points}{note}" if note else " 分")
        + verdict
    )


def _withheld(facts: Facts) -> Iterator[str]:
    """The reports that the unit's firms owe and withhold."""
    for row in facts.indicators:
        duty = indicator_definitions()[row["indicator_code"]].duty
        if row["note_code"] == "withheld_zero" and duty:
            yield from (f"  {line}" for line in owed(duty, facts.figures).lines())


def _total(facts: Facts) -> Iterator[str]:
    g = facts.grade
    summed = sum((row["score"] for row in facts.indicators), Decimal(0))
    scores = " + ".join(figure(row["score"]) for row in facts.indicators)
    yield f"指标得分 indicator score = {scores} = {figure(summed)}{check(summed, g['indicator_score'])}"
    for row in facts.adjustments:
        document = f"，{row['document_code']}" if row["document_code"] else ""
        yield f"  {row['reason_zh']}（{row['event_id']}{document}）"
    total = g["indicator_score"] + g["bonus_points"] - g["penalty_points"]
    caps = _caps(facts.rule_set)
    yield (
        f"综合得分 total = {figure(g['indicator_score'])} + 加分 {figure(g['bonus_points'])} − 扣分 "
        f"{figure(g['penalty_points'])} = {figure(total)}{check(total, g['total_score'])}{caps}"
    )


def _caps(rules: RuleSet) -> str:
    caps = {"加分上限": rules.bonus_cap, "扣分上限": rules.penalty_cap}
    parts = [f"{zh} {figure(cap)}" for zh, cap in caps.items() if cap is not None]
    return f"（{'，'.join(parts)}）" if parts else ""


def _initial(facts: Facts) -> Iterator[str]:
    g, quota = facts.grade, facts.rule_set.quota_of(facts.grade["list_code"])
    if g["rank_in_list"] is None:
        yield f"初评等级 initial grade: {g['initial_grade']}，取自评价单元的终评等级 the unit's final grade"
        return
    base = g["list_size"]
    told = f"参评 {base}"
    if quota.count_exempt:
        base, told = base + facts.exempt, f"{told} + 免评 {facts.exempt}"
    if quota.count_protected:
        base, told = base + facts.protected, f"{told} + 保护期 {facts.protected}"
    shares = []
    for grade, before in zip(SEATED, facts.passed, strict=True):
        share, how = quota.shares[grade], _ROUNDING[quota.rounding[grade]]
        places = int((before + base * share).to_integral_value(how) - before.to_integral_value(how))
        carried = before - before.to_integral_value(how)
        told_carry = f"，此前榜单结转 carried {figure(carried)}" if carried else ""
        shares.append(
            f"{grade} {figure(share * 100)}% {_ROUNDING_ZH[quota.rounding[grade]]}{told_carry} → {places}"
        )
    yield f"名额 places: （{told}）× 比例: {'，'.join(shares)}，其余为 C；{_EDGE_ZH[quota.edge]}"
    tie = "，与他人同分 tied" if g["is_tie"] else ""
    yield (
        f"初评等级 initial grade: 榜内第 {g['rank_in_list']} 名，共 {g['list_size']} 家{tie}"
        f"（不低于榜内 {figure(g['percentile_pct'])}% 的企业）→ {g['initial_grade']}"
    )


def _final(facts: Facts) -> Iterator[str]:
    g = facts.grade
    changes = [told_reason(code) for code in g["grade_reasons"]]
    why = "；".join(changes) if changes else "无调整 no adjustment"
    yield (
        f"终评等级 final grade: {g['initial_grade']} → {g['final_grade']}（{why}），"
        f"{title_of('grade', g['final_grade'])}；状态 status {title_of('grade_status', g['status_code'])}"
    )
    for veto in (row for row in facts.adjustments if row["adjustment_kind_code"] == "veto"):
        source = "，".join(str(part) for part in (veto["event_date"], veto["document_code"]) if part)
        yield (
            f"  否决 veto: {veto['reason_zh']}（{veto['event_id']}，{source}）；只计入 {g['year']} 年度评价 "
            f"counts in the evaluation of {g['year']} only"
        )
    if facts.without_veto:
        yield f"  无否决时的等级 grade without the veto: {facts.without_veto}"
