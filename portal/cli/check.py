"""``./brain check``: every definition is well formed before anything runs on it, and so is what was taken in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from schemas.coded import titled
from schemas.contract import Contract, ContractError, code_list, file_of, units
from schemas.errors import RejectedError
from warehouse.settings import settings


def check_all() -> list[dict[str, Any]]:
    """One row per kind of definition with its number.

    Raises:
        UserError: the first definition that is not well formed, or deliveries of the home whose periods are not.
    """
    from expectations.gate.baseline import baseline
    from expectations.gate.suite import declared_suites
    from jobs.chain.rules.models import load as chain_models
    from jobs.per_mu.rules.book import indicator_definitions, rule_book
    from pipeline.code_hash import code_hash
    from pipeline.registry import check_jobs, registry
    from schemas.contract import contracts, feeds, fields
    from warehouse import tables

    for spec in contracts().values():
        baseline(spec)
        _check_columns(spec)
        if tables.exists(spec.name):
            tables.columns_to_add(spec)
    check_jobs()
    for job in registry().values():
        code_hash(job)
    suites = declared_suites()
    for name, spec in contracts().items():
        if spec.layer == "staged" and name not in suites:
            raise RejectedError(f"{name} has no suite; add expectations/{name.replace('.', '/')}.py")
    if unnamed := set(indicator_definitions()) - set(code_list("per_mu_indicator")):
        raise RejectedError(
            f"indicators without a title in schemas/codes/per_mu_indicator.csv: {sorted(unnamed)}"
        )
    _check_deliveries()
    return [
        {"definition": "字段 fields", "count": len(fields())},
        {"definition": "契约 contracts", "count": len(contracts())},
        {"definition": "数据源 feeds", "count": len(feeds())},
        {"definition": "作业 jobs", "count": len(registry())},
        {"definition": "校验套件 suites", "count": len(suites)},
        {"definition": "规则集 rule sets", "count": len(rule_book().all())},
        {"definition": "产业链模型 chain models", "count": len(chain_models().chains)},
    ]


def _check_deliveries() -> None:
    """The deliveries that count in the home have periods of their feeds, of which none lies within another.

    Raises:
        RejectedError: some have not; all are listed.
    """
    from ingest.register.entries import deliveries
    from schemas.contract import feeds
    from schemas.periods import counted_twice, unsuitable
    from schemas.register import current_deliveries

    known = deliveries()
    counting = [(current_deliveries(known, spec), spec) for spec in feeds().values()]
    faults = [
        line for rows, spec in counting for line in (*unsuitable(rows, spec), *counted_twice(rows, spec))
    ]
    if faults:
        raise RejectedError("; ".join(faults))


def content() -> list[dict[str, Any]]:
    """One row per staged table: the canonical hash of its content, by which two homes are compared.

    Publishing stops early where the fingerprints are those of the last release; this looks at the rows.
    """
    from warehouse.comparison import staged_content

    return [{"table": name, "rows": held.rows, "content_hash": held.hash} for name, held in staged_content()]


def compare(there: Path, say: Callable[[str], None]) -> None:
    """Say which staged tables hold something else than another home's, in which columns and rows.

    Raises:
        RejectedError: there are some.
    """
    from warehouse.comparison import differences

    found = list(differences(there, settings().home))
    for one in found:
        for line in (str(one), *(f"  {row}" for row in one.rows)):
            say(line)
    if found:
        raise RejectedError(
            f"{len(found)} tables differ from those of {there}: {', '.join(d.table for d in found)}"
        )


def _check_columns(spec: Contract) -> None:
    """Code lists exist, and every unit that a sender uses has a factor to the column's."""
    for column in spec.columns:
        if column.domain.codes:
            titled(column.domain.codes)
    if spec.source is None:
        return
    for name, mapped in spec.source.mapping.items():
        unit = spec.column(name).unit
        if mapped.unit and mapped.unit != unit and unit not in units().get(mapped.unit, {}):
            raise ContractError(
                f"{file_of(spec)}: {name}: no factor from {mapped.unit} to {unit}; "
                "add it to schemas/units.yml"
            )
