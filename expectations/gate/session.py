"""Great Expectations over the gate's DuckDB: a verdict for every check of a suite, even if one fails.

One class loads the tables and judges suite by suite, because everything shares one database.
"""

from __future__ import annotations

import logging
import os
import re
import uuid
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expectations.gate.snapshot import (
    Pin,
    add_copied,
    add_deliveries,
    add_previous,
    add_raw_rows,
    add_rules,
    add_tables,
    first_line,
    prepare,
    remove_copied,
    rows,
    run,
)
from expectations.gate.suite import Check, Suite
from schemas.contract import Contract, contracts

if TYPE_CHECKING:
    from collections.abc import Iterator
from expectations.gate.report import Verdict

MAX_KEYS = 20


def _tables_read(suites: Iterable[Suite]) -> set[str]:
    """Names of the form ``area.table`` in the suites' SQL, and the suites' own tables."""
    names = {"raw.delivery"}  # behind feeds.current_delivery
    for suite in suites:
        names.add(suite.table)
        for sql in (suite.summary, *(check.sql for check in suite.checks)):
            names |= set(re.findall(r"[a-z_]+\.[a-z_]+", sql))
    return names


class _Session:
    """Great Expectations over the gate's DuckDB."""

    def __init__(self, context: Any, datasource: Any, folder: Path) -> None:
        self.context = context
        self.folder = folder
        self.datasource = datasource
        self.engine = datasource.get_engine()
        self.broken: dict[str, str] = {}
        self.pinned: set[str] = set()

    def load(
        self,
        suites: Iterable[Suite],
        pins: Mapping[str, Pin],
        previous: Mapping[str, Pin],
        rules: Mapping[str, Iterable[Mapping[str, Any]]],
        copied: Path | None,
    ) -> None:
        """Load the tables that the suites judge or read, and nothing else."""
        read = _tables_read(suites)
        specs = [spec for spec in contracts().values() if spec.name in read]
        self.pinned = set(pins)
        with self.engine.begin() as connection:
            prepare(connection, self.folder)
            wanted = {name: columns for suite in suites for name, columns in suite.rules.items()}
            add_rules(connection, wanted, rules)
        with self.engine.begin() as connection:
            before = [s for s in contracts().values() if f"previous_{s.name}" in read]
            add_previous(connection, before, previous)
            in_draft = add_copied(connection, copied, specs) if copied else set()
        for spec in specs:
            if spec.name not in in_draft:
                # One transaction each, so that a failure does not undo the others.
                self.broken |= self._copy(spec, pins)
        if "raw.delivery" in pins and "raw.delivery" not in self.broken:
            with self.engine.begin() as connection:
                add_deliveries(connection)
        if "feeds.raw_rows" in read:
            self.broken |= self._count_raw(pins)

    def _copy(self, spec: Contract, pins: Mapping[str, Pin]) -> dict[str, str]:
        if spec.name not in pins:
            return {}
        try:
            with self.engine.begin() as connection:
                broken = add_tables(connection, [spec], pins)
        except Exception as error:
            return {spec.name: first_line(error)}
        return broken

    def _count_raw(self, pins: Mapping[str, Pin]) -> dict[str, str]:
        try:
            with self.engine.begin() as connection:
                add_raw_rows(connection, pins)
        except Exception as error:
            return {"raw.delivery": first_line(error)}
        return {}

    def judge(self, suite: Suite) -> list[Verdict]:
        """A verdict for every check of the suite, even if one fails."""
        if suite.table not in self.pinned:
            return _all_failed(suite, "the table is not pinned: build it before publishing")
        if suite.table in self.broken:
            return _all_failed(suite, f"the pinned version cannot be read: {self.broken[suite.table]}")
        if not suite.checks:
            return _all_failed(suite, "the suite has no checks, so it evaluated nothing")
        try:
            evaluated = int(self._rows(f"SELECT count(*) FROM {suite.table}")[0][0])
            self._sum_up(suite)
            results = self._validate(suite)
        except Exception as error:
            return _all_failed(suite, f"exception: {first_line(error)}")
        verdicts = [self._verdict(suite, check, results.get(check.id), evaluated) for check in suite.checks]
        if evaluated == 0 and not suite.may_be_empty:
            verdicts = [_nothing_seen(v) for v in verdicts]
        return verdicts

    def _sum_up(self, suite: Suite) -> None:
        if suite.summary:
            with self.engine.begin() as connection:
                run(connection, "CREATE SCHEMA IF NOT EXISTS summary")
                run(connection, f"CREATE TABLE {summary_of(suite)} AS {_named(suite.summary, suite)}")

    def _validate(self, suite: Suite) -> dict[str, Any]:
        """Great Expectations' results by check id, without the checks that it left out."""
        import great_expectations as gx

        schema, table = suite.table.split(".")
        asset = self.datasource.add_table_asset(suite.name, table_name=table, schema_name=schema)
        batch = asset.add_batch_definition_whole_table("all").get_batch()
        # all at once: adding one by one compares each with all before it
        expectations = gx.ExpectationSuite(suite.name, [_expectation(suite, check) for check in suite.checks])
        # offending rows are listed by the check's own SQL
        outcome = batch.validate(expectations, result_format="BOOLEAN_ONLY")
        return {result.expectation_config.meta["check"]: result for result in outcome.results}

    def _verdict(self, suite: Suite, check: Check, result: Any, evaluated: int) -> Verdict:
        verdict = Verdict(
            suite=suite.name, table=suite.table, expectation=check.id, title_zh=check.zh, title_en=check.en,
            level=check.level, success=False, evaluated=evaluated, unexpected=0,
        )  # fmt: skip
        if result is None:
            return replace(verdict, level="fail", details="not evaluated by Great Expectations")
        if message := _exception(result):
            return replace(verdict, level="fail", details=f"exception: {message}")
        if result.success:
            return replace(verdict, success=True)
        try:
            unexpected, keys = self._offenders(suite, check)
        except Exception as error:
            return replace(verdict, details=f"offending rows cannot be listed: {first_line(error)}")
        return replace(verdict, unexpected=unexpected, failing_keys=keys)

    def _offenders(self, suite: Suite, check: Check) -> tuple[int, tuple[str, ...]]:
        sql = _named(check.sql, suite)
        with self.engine.connect() as connection:
            count = rows(connection, f"SELECT count(*) FROM ({sql}) AS offenders")[0][0]
            listed = f"SELECT * FROM ({sql}) AS offenders ORDER BY ALL LIMIT {MAX_KEYS}"
            result = connection.exec_driver_sql(listed)
            names = list(result.keys())
            keys = [
                "|".join(f"{n}={'' if v is None else v}" for n, v in zip(names, row, strict=True))
                for row in result.fetchall()
            ]
        return int(count), tuple(keys)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return rows(connection, sql)


def _all_failed(suite: Suite, why: str) -> list[Verdict]:
    checks = suite.checks or (
        Check("suite", "检查项不为空", "The suite has checks", "SELECT 1 FROM {table}"),
    )
    return [Verdict(suite.name, suite.table, c.id, c.zh, c.en, "fail", False, 0, 0, (), why) for c in checks]


def _nothing_seen(verdict: Verdict) -> Verdict:
    """Fail a verdict on an empty table, which passes most expectations."""
    details = verdict.details or "the table is empty, so nothing was evaluated"
    return replace(verdict, success=False, level="fail", details=details)


def _exception(result: Any) -> str | None:
    """First exception of a result; if a metric failed, Great Expectations nests exceptions by metric."""
    info = result.exception_info or {}
    for entry in [info, *(v for v in info.values() if isinstance(v, dict))]:
        if entry.get("raised_exception"):
            message = str(entry.get("exception_message") or "").strip()
            return (message.splitlines() or ["no message"])[0][:300]
    return None


def summary_of(suite: Suite) -> str:
    """Name of the table with the suite's summary."""
    return f"summary.{suite.table.replace('.', '_')}"


def _named(sql: str, suite: Suite) -> str:
    return sql.replace("{table}", suite.table).replace("{summary}", summary_of(suite))


def _expectation(suite: Suite, check: Check) -> Any:
    """A check as an expectation: its own object if it has one, otherwise that no row is unexpected."""
    if check.expectation:
        expectation = check.expectation()
        expectation.meta = {"check": check.id}
        return expectation
    query = gx_query(check.sql.replace("{summary}", summary_of(suite)))
    return _unexpected_rows_type()(unexpected_rows_query=query, meta={"check": check.id})


def gx_query(sql: str) -> str:
    r"""A check's SQL as Great Expectations expects it: braces doubled, the batch under one name.

    A colon before a word is escaped; otherwise SQLAlchemy would take the word for a parameter.

    >>> gx_query("SELECT uscc FROM {table} WHERE area_mu <= 0")
    'WITH checked AS NOT MATERIALIZED (SELECT * FROM {batch}) SELECT uscc FROM checked WHERE area_mu <= 0'
    """
    body = sql.strip().replace("{table}", "checked").replace("{", "{{").replace("}", "}}")
    body = re.sub(r"(?<![:\w\\]):(?=\w)", r"\:", body)
    head = "WITH checked AS NOT MATERIALIZED (SELECT * FROM {batch})"
    return f"{head}, {body[5:]}" if body[:5].upper() == "WITH " else f"{head} {body}"


def _unexpected_rows_type() -> Any:
    """UnexpectedRowsExpectation that only counts: the stock class runs the query a second time for its rows."""
    global _counting_type  # noqa: PLW0603  (the class can be defined only after Great Expectations is imported)
    if _counting_type is None:
        from great_expectations.expectations.core import UnexpectedRowsExpectation

        class UnexpectedRowCount(UnexpectedRowsExpectation):  # type: ignore[misc]
            metric_dependencies = ("unexpected_rows_query.row_count",)

            def _validate(
                self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None
            ) -> Any:
                count = metrics["unexpected_rows_query.row_count"]
                return {"success": count == 0, "result": {"observed_value": count}}

        _counting_type = UnexpectedRowCount
    return _counting_type


_counting_type: Any = None


@contextmanager
def opened_session(folder: Path) -> Iterator[_Session]:
    """Great Expectations without analytics, progress bars and log noise, on a new DuckDB."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    from expectations.gate import dialect

    dialect.register()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    datasource = context.data_sources.add_sql(
        "gate",
        # In memory, under a unique name that all connections of this gate share; a file takes five times as
        # long to write. Data beyond the memory limit spills to the folder.
        connection_string=f"{dialect.URL_SCHEME}:///:memory:gate-{uuid.uuid4().hex}",
        create_temp_table=False,
    )
    session = _Session(context, datasource, folder)
    # The database lives as long as a connection to it is open.
    with session.engine.connect() as connection:
        try:
            yield session
        finally:
            remove_copied(connection)
    session.engine.dispose()
