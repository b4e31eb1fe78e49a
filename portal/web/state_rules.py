"""The rules of a node's state in words, each with the node's figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portal.queries.chains import Clause, Lack, Rule
from portal.queries.titles import Named
from portal.web import numbers
from portal.web.frame import Frame

OPERATORS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "eq": "="}


def in_words(frame: Frame, rule: Rule) -> dict[str, Any]:
    """A rule in words: its conditions, each with the node's figure."""
    return {
        "state": frame.name(rule.state),
        "reason": frame.name(rule.reason),
        "holds": rule.holds,
        "decides": rule.decides,
        "conditions": [
            frame.t("，或", ", or ").join(_condition(frame, clause) for clause in group)
            for group in rule.groups
        ],
        "figures": [figure for group in rule.groups for figure in _figures(frame, group)],
    }


def _condition(frame: Frame, clause: Clause) -> str:
    """
    >>> from decimal import Decimal
    >>> from types import SimpleNamespace
    >>> zh = SimpleNamespace(t=lambda zh, en: zh, name=lambda named: named.zh, lang="zh")
    >>> share = Clause(Named("cr1_pct", "首位集中度", ""), "%", "gt", Decimal("70"), Decimal(1), None, None)
    >>> _condition(zh, share)
    '首位集中度 > 70%'
    """
    figure, operand = frame.name(clause.figure), clause.operand
    if clause.op in ("known", "unknown"):
        return f"{figure}{frame.t('有数', ' is known') if clause.op == 'known' else frame.t('无数', ' is missing')}"
    if isinstance(operand, bool):
        return f"{figure}{frame.t('：', ': ')}{frame.t('是', 'yes') if operand else frame.t('否', 'no')}"
    if isinstance(operand, Named):
        times = "" if clause.factor == 1 else f" × {numbers.number(clause.factor)}"
        return f"{figure} {OPERATORS[clause.op]} {frame.name(operand)}{times}"
    shown = numbers.number(operand) if operand is not None else ""
    return f"{figure} {OPERATORS.get(clause.op, clause.op)} {shown}{_unit(frame, clause.unit)}"


def _unit(frame: Frame, unit: str) -> str:
    name = numbers.unit_name(unit, frame.lang)
    return name if name == "%" or frame.lang == "zh" else f" {name}" if name else ""


def _figures(frame: Frame, group: Sequence[Clause]) -> list[tuple[str, str, str]]:
    """The figures behind a group: title, value as text, and why it is missing; each once."""
    found = {}
    for clause in group:
        value, text = clause.value, ""
        if isinstance(value, bool):
            text = frame.t("是", "yes") if value else frame.t("否", "no")
        elif value is not None:
            text = f"{numbers.number(value)}{_unit(frame, clause.unit)}"
        found[clause.figure.code] = (
            frame.name(clause.figure),
            text,
            why(frame, clause.lack) if clause.lack else "",
        )
    return list(found.values())


def why(frame: Frame, lack: Lack) -> str:
    """Why a figure is missing."""
    return {
        "few_firms": frame.t("不足三家企业，不予公布", "Fewer than three firms; not published"),
        "single_firm": frame.t(
            "属单个企业的统计数据，须有统计权限",
            "Statistics of a single firm; only with the right to see them",
        ),
        "none": frame.t("没有这个数", "There is no such figure"),
    }[lack]
