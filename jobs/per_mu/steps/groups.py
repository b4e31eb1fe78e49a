"""A group evaluated together, step by step 集团合并评价的计算说明: who belongs to it, and how its score comes about.

Works on rows of a release, without Spark. Membership, sums and scores are those of ``jobs/per_mu/group_score.py``,
computed again in whole numbers, so that a reader can verify the published score.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from jobs.per_mu.rules.models import BY_OTHERS, RuleSet, indicator_definitions
from jobs.per_mu.steps.explanation import told_indicator
from jobs.per_mu.steps.reasons import title_of
from jobs.per_mu.steps.told import check, figure
from jobs.per_mu.steps.what_if import (
    LOSS,
    MILLION,
    Scale,
    Standard,
    millionths,
    quotient,
)
from schemas.contract import contract

Row = Mapping[str, Any]
Rows = Sequence[Row]
#: ``query(sql, *values)``: rows of the release.
Query = Callable[..., Rows]

#: The figures of units that are summed.
FIGURES = tuple(c.name for c in contract("per_mu.unit").columns if c.unit and c.name != "member_count")
#: The tax contribution as units have it.
_COLUMN_OF = {"tax_contribution": "tax_contribution_wan_yuan"}


@dataclass(frozen=True)
class Together:
    """A group's sums, and its indicators in the form of per_mu.indicator_value."""

    rules: RuleSet
    figures: Mapping[str, Decimal | None]
    indicators: tuple[Row, ...]

    @property
    def score(self) -> Decimal:
        return sum((row["score"] for row in self.indicators), Decimal(0))


def members_of(query: Query, group_code: str, year: str) -> tuple[str, ...]:
    """The graded units that belong to a group in a year, in the order of their codes."""
    return tuple(
        row["uscc"] for row in query(_MEMBERSHIP.format(where="m.group_code = $2"), year, group_code)
    )


def group_of(query: Query, uscc: str, year: str) -> str | None:
    """The group to which a graded unit belongs in a year."""
    rows = query(_MEMBERSHIP.format(where="m.uscc = $2"), year, uscc)
    return str(rows[0]["group_code"]) if rows else None


#: A firm's latest report decides; the controller belongs to the group as long as one of its members does.
_MEMBERSHIP = """
WITH reports AS (
    SELECT uscc, group_code, year, known_at, valid_from_date, valid_to_date FROM core.group_member WHERE year <= $1
    UNION ALL
    SELECT controller_uscc, group_code, year, max(known_at), min(valid_from_date),
        CASE WHEN count(valid_to_date) = count(*) THEN max(valid_to_date) END
    FROM core.group_member WHERE year <= $1 GROUP BY controller_uscc, group_code, year
),
latest AS (
    FROM reports
    QUALIFY row_number() OVER (PARTITION BY uscc ORDER BY year DESC, known_at DESC, group_code) = 1
)
SELECT m.uscc, m.group_code FROM latest m
WHERE {where} AND m.valid_from_date <= make_date($1::INTEGER, 12, 31)
    AND coalesce(m.valid_to_date >= make_date($1::INTEGER, 12, 31), true)
    AND m.uscc IN (SELECT uscc FROM per_mu.unit WHERE year = $1)
ORDER BY m.uscc"""


def together(group: Row, units: Rows, query: Query) -> Together | None:
    """The arithmetic of a row of per_mu.group_score; ``None`` if the release has no rules for it.

    Args:
        units: the rows of per_mu.unit of all members, the lead's among them.
    """
    books = query("SELECT content FROM release.rule_set WHERE rule_set_id = ?", group["rule_set_id"])
    lead = next((unit for unit in units if unit["uscc"] == group["uscc"]), None)
    if not books or lead is None:
        return None
    rules = RuleSet.model_validate_json(books[0]["content"])
    figures = {name: _sum([unit[name] for unit in units]) for name in FIGURES}
    withheld = {name for unit in units for name in unit["withheld_figures"] or ()}
    place = [group["year"], group["district_code"], group["list_code"], lead["ranking_group"]]
    here = "year = ? AND district_code = ? AND list_code = ? AND ranking_group = ?"
    baselines = {
        row["indicator_code"]: row for row in query(f"SELECT * FROM per_mu.baseline WHERE {here}", *place)
    }
    typical = {
        row["indicator_code"]: row
        for row in query(
            f"""SELECT indicator_code, sum(score) AS points, list(score ORDER BY score) AS scores
            FROM per_mu.indicator_value WHERE {here} AND NOT is_missing AND score IS NOT NULL GROUP BY ALL""",
            *place,
        )
    }
    return Together(
        rules,
        figures,
        tuple(
            _indicator(
                code, group["list_code"], rules, figures, withheld, baselines.get(code), typical.get(code)
            )
            for code in sorted(rules.lists[group["list_code"]].indicators)
        ),
    )


def _sum(amounts: Sequence[Decimal | int | None]) -> Decimal | None:
    known = [Decimal(amount) for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def _indicator(
    code: str,
    list_code: str,
    rules: RuleSet,
    figures: Mapping[str, Decimal | None],
    withheld: set[str],
    baseline: Row | None,
    typical: Row | None,
) -> Row:
    """An indicator of the group in the form of per_mu.indicator_value."""
    rule, definition = rules.lists[list_code].indicators[code], indicator_definitions()[code]
    above, below = (
        figures.get(_COLUMN_OF.get(name, name)) for name in (definition.numerator, definition.denominator)
    )
    denominator = None if below is None else below / definition.denominator_divisor
    is_withheld = (
        rule.withheld != "as_missing" and definition.duty is not None and definition.duty.figure in withheld
    )
    n, d = millionths(above), millionths(denominator)
    value = None
    if n is not None and d is not None and d > 0 and not is_withheld:
        value = quotient(n, d, rules.rounding.value_scale, rules.rounding.mode)
    scale = Scale(code, rule, definition, rules, {}, (), 0, 0, has_group=False, top=0)
    base = Standard(*(millionths(baseline[name]) if baseline else None for name in ("value", "worst_value")))
    if value is not None:
        score, note = scale.score(value, base), _note(scale, value, base)
    elif is_withheld:
        score, note = 0, "withheld_zero"
    elif scale.is_loss(n, d):
        score, note = 0, LOSS
    else:
        score, note = _typical(rule.missing, typical)
    return {
        "indicator_code": code,
        "list_code": list_code,
        "numerator": above,
        "denominator": denominator,
        "value": _amount(value),
        "baseline": _amount(base.value),
        "worst_value": _amount(base.worst),
        "scoring_code": rule.scoring if definition.better == "more" else f"{rule.scoring}_less",
        "weight": rule.weight,
        "score": _amount(score),
        "note_code": note,
    }


def _note(scale: Scale, value: int, base: Standard) -> str | None:
    """Why the score is not the plain result of the formula."""
    if base.value is None:
        return "no_baseline"
    if scale.is_loss(value):
        return LOSS
    score = scale.score(value, base)
    unbound = Scale(
        scale.code, scale.rule, scale.definition, scale.rules.model_copy(update={"cap_ratio": None, "floor": None}),
        {}, (), 0, 0, has_group=False, top=0,
    )  # fmt: skip
    plain = unbound.score(value, base)
    return None if plain == score else "capped" if plain > score else "floored"


def _typical(policy: str, typical: Row | None) -> tuple[int, str]:
    """Score of a missing value: what the units of the list have for it."""
    if typical is None or policy not in BY_OTHERS:
        return 0, "missing_zero"
    scores = [millionths(score) or 0 for score in typical["scores"]]
    if policy == "group_average":
        return quotient(sum(scores), len(scores) * MILLION), policy
    middle = scores[(len(scores) - 1) // 2] + scores[len(scores) // 2]
    return quotient(middle, 2 * MILLION), policy


def _amount(number: int | None) -> Decimal | None:
    return None if number is None else Decimal(number).scaleb(-6)


# --- in words ---------------------------------------------------------------------------------------------


def explain_group(group: Row, query: Query) -> list[str]:
    """The steps of one row of per_mu.group_score, from a release's tables."""
    members = members_of(query, group["group_code"], group["year"])
    units = query(
        "SELECT * FROM per_mu.unit WHERE year = ? AND uscc IN (SELECT unnest(?)) ORDER BY uscc",
        group["year"], list(members),
    )  # fmt: skip
    found = together(group, units, query)
    if found is None:
        return []
    return [
        f"{group['group_name'] or ''}（{group['group_code']}），{group['year']} 年度，"
        f"{title_of('district', group['district_code'])}，{title_of('per_mu_list', group['list_code'])}；"
        f"规则集 rule set {found.rules.id}",
        *_members(group, members, query),
        *(told_indicator(row, found.rules) for row in found.indicators),
        *_score(group, found),
    ]


def _members(group: Row, members: Sequence[str], query: Query) -> Iterator[str]:
    yield f"成员 members: {len(members)} 家{check(Decimal(len(members)), Decimal(group['member_count']))}"
    alone = query(
        """SELECT uscc, enterprise_name, indicator_score, initial_grade FROM per_mu.enterprise_grade
        WHERE year = ? AND uscc IN (SELECT unnest(?)) AND evaluation_version = 1 AND rank_in_list IS NOT NULL
        ORDER BY indicator_score DESC, uscc""",
        group["year"], list(members),
    )  # fmt: skip
    for row in alone:
        lead = "，牵头 lead" if row["uscc"] == group["uscc"] else ""
        yield (
            f"  {row['enterprise_name']}（{row['uscc']}{lead}）单独 alone: {figure(row['indicator_score'])} 分，"
            f"初评 initial grade {row['initial_grade']}"
        )


def _score(group: Row, found: Together) -> Iterator[str]:
    told = " + ".join(figure(row["score"]) for row in found.indicators)
    yield (
        f"合并得分 score together = {told} = {figure(found.score)}{check(found.score, group['indicator_score'])}"
    )
    yield (
        f"榜内得分更高的 units with more: {group['rank_beside'] - 1} 家 → 相当第 {group['rank_beside']} 名，"
        f"共 {group['list_size']} 家，相当 grade beside {group['grade_beside']}；不改变任何企业的等级 "
        "nobody's grade follows from it"
    )
