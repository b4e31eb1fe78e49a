"""The gate 发布关口: runs every suite over pinned tables and decides whether they may be published.

The suites run as Great Expectations on DuckDB, a second engine that checks what Spark wrote. The gate passes only if
it can prove that it looked: each table has rows unless it may be empty, every expectation of a suite was evaluated,
and none raised an exception.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from expectations.gate.baseline import baseline
from expectations.gate.report import GateReport, Verdict, summarise, verdict_rows
from expectations.gate.session import opened_session
from expectations.gate.snapshot import Pin
from expectations.gate.suite import Suite, declared_suites
from schemas.contract import Feed, contracts, published_contracts

__all__ = ["GateReport", "Pin", "Verdict", "required_tables", "run_gate", "verdict_rows"]
#: Not published, but judged: what each feed delivered, what was quarantined, and what people corrected.
BOOKKEEPING = ("raw.delivery", "quarantine.record", "quarantine.correction")
#: Read by suites of other tables: the firms in the directory, and visits to listed firms.
READ = ("raw.gov_statistics_directory", "raw.gov_enterprise_visit")
Progress = Callable[[str, int, int], None]


def required_tables() -> tuple[str, ...]:
    """Tables that must be pinned: every published one, the bookkeeping of feeds, and what suites read beside them."""
    return (*BOOKKEEPING, *(spec.name for spec in published_contracts()), *READ)


def run_gate(
    pins: Mapping[str, Pin],
    previous: Mapping[str, Pin] | None = None,
    progress: Progress | None = None,
    *,
    rules: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
    tables: Iterable[str] | None = None,
    copied: Path | None = None,
) -> GateReport:
    """Judge the pinned tables.

    Args:
        pins: tables to judge, ``area.table`` → pin. The suite of a feed (``raw.gov_…``) runs if the feed is pinned.
        previous: the last release's tables, for comparison; None for the first release.
        progress: called before each table with its name, its number and the number of tables.
        rules: rows that suites read as ``rules.<name>``; none if left out.
        tables: judge only these, which must all be pinned; if left out, the required tables and pinned feeds.
        copied: a DuckDB file with copies of pinned tables, which are judged there.
    """
    start = time.monotonic()
    wanted = tuple(tables) if tables is not None else (*required_tables(), *_pinned_feeds(pins))
    with tempfile.TemporaryDirectory(prefix="gate-") as folder, opened_session(Path(folder)) as session:
        verdicts: list[Verdict] = []
        suites = suites_of(wanted)
        session.load(suites, pins, previous or {}, rules or {}, copied)
        names = list(dict.fromkeys(suite.table for suite in suites))
        for suite in suites:
            if progress and suite is next(s for s in suites if s.table == suite.table):
                progress(suite.table, names.index(suite.table) + 1, len(names))
            verdicts += session.judge(suite)
    return summarise(verdicts, suites, time.monotonic() - start)


def suites_of(tables: Iterable[str]) -> list[Suite]:
    """Suites of the named tables: the contract's own and the declared one.

    Feeds have no suite from the contract, because they keep superseded rows and ingest has checked each row.
    """
    declared = declared_suites()
    suites: list[Suite] = []
    for table in tables:
        spec = contracts().get(table)
        if spec and not isinstance(spec, Feed):
            suites.append(baseline(spec, declared.get(table)))
        if table in declared:
            suites.append(declared[table])
    return suites


def _pinned_feeds(pins: Mapping[str, Pin]) -> list[str]:
    declared = declared_suites()
    return [name for name in pins if name in declared and isinstance(contracts().get(name), Feed)]
