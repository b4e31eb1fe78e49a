"""Check that every definition is well formed, and that the periods of the home's deliveries are valid."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.coded import titled
from schemas.contract import Contract, ContractError, Feed, file_of, units
from schemas.errors import RejectedError


@dataclass(frozen=True)
class Count:
    """A kind of definition and the number of its definitions."""

    definition: str
    count: int


def checked_definitions() -> list[Count]:
    """Check all definitions and count them by kind.

    Raises:
        UserError: a definition is not well formed (the first one is named), or deliveries of the home have invalid
            periods.
    """
    from expectations.gate.suite import declared_suites
    from pipeline.registry import registry
    from pipeline.rules import check_rules
    from schemas.contract import contracts, feeds, fields

    _check_contracts()
    _check_jobs()
    _check_suites()
    rules = check_rules()
    _check_deliveries()
    return [
        Count("字段 fields", len(fields())),
        Count("契约 contracts", len(contracts())),
        Count("数据源 feeds", len(feeds())),
        Count("作业 jobs", len(registry())),
        Count("校验套件 suites", len(declared_suites())),
        *(Count(**one) for one in rules),
    ]


def _check_contracts() -> None:
    """Baseline suites can be built, code lists and units exist, and existing tables can get their missing columns."""
    from expectations.gate.baseline import baseline
    from schemas.contract import contracts
    from warehouse import tables

    for spec in contracts().values():
        baseline(spec)
        _check_columns(spec)
        if tables.exists(spec.name):
            tables.columns_to_add(spec)


def _check_columns(spec: Contract) -> None:
    """Code lists exist, and every sender's unit has a conversion factor to the column's unit."""
    for column in spec.columns:
        if column.domain.codes:
            titled(column.domain.codes)
    if not isinstance(spec, Feed):
        return
    for name, mapped in spec.source.mapping.items():
        unit = spec.column(name).unit
        if mapped.unit and mapped.unit != unit and unit not in units().get(mapped.unit, {}):
            raise ContractError(
                f"{file_of(spec)}: {name}: no factor from {mapped.unit} to {unit}; "
                "add it to schemas/units.yml"
            )


def _check_jobs() -> None:
    """The job graph is valid, and the dependencies of each job's code can be determined."""
    from pipeline.code_hash import code_hash
    from pipeline.registry import check_jobs, registry

    check_jobs()
    for job in registry().values():
        code_hash(job)


def _check_suites() -> None:
    """Every staged table has a suite.

    Raises:
        RejectedError: a staged table has no suite.
    """
    from expectations.gate.suite import declared_suites
    from schemas.contract import contracts

    suites = declared_suites()
    for name, spec in contracts().items():
        if spec.layer == "staged" and name not in suites:
            raise RejectedError(f"{name} has no suite; add expectations/{name.replace('.', '/')}.py")


def _check_deliveries() -> None:
    """The home's current deliveries have periods that suit their feeds and do not overlap.

    Raises:
        RejectedError: some deliveries violate this; all are listed.
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
