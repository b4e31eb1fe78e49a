"""Flows of firms between grades as a chart: of two years, or of a rule in force and one on trial."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from portal.queries.ranking import GRADES

#: Grade before, grade after (``None`` is no grade), and the number of firms.
FlowOfGrades = tuple[str | None, str | None, int]


def grade_flows(flows: Iterable[FlowOfGrades], before: str, after: str, nobody: str) -> dict[str, Any]:
    """Firms between the grades of two sides, A on top; ``before`` and ``after`` name the sides."""
    flows = list(flows)

    def label(of: str, grade: str | None) -> str:
        return f"{of} {grade or nobody}"

    def colour(grade: str | None) -> str:
        return f"var(--grade-{grade.lower()})" if grade else "var(--dim)"

    ends = [(before, {old for old, _, _ in flows}), (after, {new for _, new, _ in flows})]
    nodes = [
        {"name": label(of, grade), "itemStyle": {"color": colour(grade)}}
        for of, grades in ends
        for grade in (*GRADES, None)
        if grade in grades
    ]
    links = [
        {"source": label(before, old), "target": label(after, new), "value": firms}
        for old, new, firms in flows
    ]
    series = {"type": "sankey", "nodeAlign": "left", "left": 8, "right": 130, "layoutIterations": 0}
    return {"series": [{**series, "draggable": False, "data": nodes, "links": links}]}
