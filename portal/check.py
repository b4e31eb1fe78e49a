"""``./brain check``: every definition is well formed before anything runs on it."""

from __future__ import annotations

from typing import Any


def check_all() -> list[dict[str, Any]]:
    """One row per kind of definition with its number.

    Raises:
        UserError: the first definition that is not well formed.
    """
    from expectations.baseline import baseline
    from expectations.suite import declared_suites
    from jobs import graph
    from schemas.contract import code_list, contracts, feeds, fields

    for spec in contracts().values():
        baseline(spec)
        for column in spec.columns:
            if column.domain.codes:
                code_list(column.domain.codes)
    graph.check()
    return [
        {"definition": "字段 fields", "count": len(fields())},
        {"definition": "契约 contracts", "count": len(contracts())},
        {"definition": "数据源 feeds", "count": len(feeds())},
        {"definition": "作业 jobs", "count": len(graph.registry())},
        {"definition": "校验套件 suites", "count": len(declared_suites())},
    ]
