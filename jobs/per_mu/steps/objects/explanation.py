"""The grade of an object, step by step, from the release's own rows; works without Spark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from jobs.per_mu.rules.models import RuleSet
from jobs.per_mu.steps.explanation import told_indicator
from jobs.per_mu.steps.reasons import title_of
from jobs.per_mu.steps.told import check, figure
from jobs.rules.base import Row
from schemas.places import CITY

KEY = "object_kind_code = ? AND object_code = ? AND year = ?"


def explain_object(grade: Row, query: Callable[..., Any]) -> list[str]:
    """Lines from figures to grade for a row of per_mu.object_grade; none if the release has no rules for it."""
    books = query("SELECT content FROM release.rule_set WHERE rule_set_id = ?", grade["rule_set_id"])
    if not books:
        return []
    key = [grade[name] for name in ("object_kind_code", "object_code", "year")]
    indicators = query(
        f"SELECT * FROM per_mu.object_indicator_value WHERE {KEY} ORDER BY indicator_code", *key
    )
    rules = RuleSet.model_validate_json(books[0]["content"])
    return [
        f"{title_of('object_kind', key[0])}{grade['object_name']}（{key[1]}），{key[2]} 年度，"
        f"{_place(grade['ranked_in_code'])}{title_of('per_mu_list', grade['list_code'])}；"
        f"规则集 rule set {rules.id}",
        *(told_indicator(row, rules) for row in indicators),
        *_total(grade, indicators),
        *_grade(grade, rules),
    ]


def _place(ranked_in: str) -> str:
    return "全市" if ranked_in == CITY else title_of("district", ranked_in)


def _total(grade: Row, indicators: list[Row]) -> Iterator[str]:
    scores = [row["score"] for row in indicators if row["score"] is not None]
    total = sum(scores, Decimal(0))
    told = " + ".join(map(figure, scores))
    yield f"综合得分 total = {told} = {figure(total)}{check(total, grade['total_score'])}"


def _grade(grade: Row, rules: RuleSet) -> Iterator[str]:
    if grade["rank_in_list"] is None:
        why = "；".join(title_of("object_grade_reason", code) for code in grade["object_grade_reasons"])
        yield f"等级 grade: {grade['final_grade']}（{why}）"
        return
    shares = rules.quota_of(grade["list_code"]).shares
    told = "，".join(f"{letter} {figure(share * 100)}%" for letter, share in shares.items())
    tie = "，同分 tied" if grade["is_tie"] else ""
    yield (
        f"等级 grade: 榜内第 {grade['rank_in_list']} 名，共 {grade['list_size']} 个{tie}；比例 shares {told} → "
        f"{grade['final_grade']}"
    )
