"""Publish: pin the staged tables, copy them into a file, have the gate judge that file, and release it.

Exactly what was judged is published: a table that changes meanwhile waits for the next release. A release is
closed: every table was built from the versions of its inputs that the release itself contains.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.register.deliveries import CORRECTION, DELIVERY, QUARANTINE
from pipeline.fingerprint import fingerprints, made_by, stored_fingerprints
from pipeline.manifest import warnings_of
from pipeline.registry import registry
from pipeline.release_tables import code_version, is_synthetic, release_tables
from pipeline.rules import rule_hashes, rule_tables
from schemas.contract import contract, digest, feeds
from schemas.errors import RejectedError
from warehouse import access, draft, engine, releases, tables
from warehouse.chinese import add_views
from warehouse.description import describe
from warehouse.draft import Draft, remove_leftovers, write_published
from warehouse.progress import Progress, silent
from warehouse.releases import Release, published_path
from warehouse.settings import settings
from warehouse.state import move

if TYPE_CHECKING:
    from pathlib import Path

    from expectations.gate.report import GateReport
    from expectations.gate.snapshot import Pin

#: Not published as tables; the schema ``release`` has the register and counts of the quarantine and corrections.
BOOKKEEPING = (DELIVERY, QUARANTINE, CORRECTION)
#: Published tables written at the same time: DuckDB reads one while the Parquet of the other is encoded.
AT_ONCE = 2


@dataclass(frozen=True)
class PublishReport:
    """The result of publishing: the release, whether it is new, and the gate's report if the gate ran."""

    release: Release
    is_new: bool
    gate: GateReport | None
    written: tuple[str, ...] = ()

    def warnings(self) -> list[dict[str, Any]]:
        """Warnings of the gate; if it did not run, of the run that let the release pass."""
        from expectations.gate.report import verdict_rows

        return warnings_of(
            verdict_rows(self.gate) if self.gate else self.release.manifest["gate"]["verdicts"]
        )


class GateFailed(RejectedError):
    """The gate did not pass, so nothing is published."""

    def __init__(self, report: GateReport, path: str) -> None:
        self.report = report
        names = [
            f"{v.table}: {v.title_zh} {v.title_en} ({', e.g. '.join([str(v.unexpected), *v.failing_keys[:1]])})"
            for v in report.failures()
        ]
        shown = "; ".join(names[:3]) + (f"; and {len(names) - 3} more" if len(names) > 3 else "")
        super().__init__(
            f"the gate failed, nothing was published: {shown or 'not every check ran'}; see {path}"
        )


def publish(progress: Progress = silent) -> PublishReport:
    """Release the staged tables if they are up to date, have changed and pass the gate.

    Raises:
        RejectedError: a table was never built, or is not up to date.
        GateFailed: the gate did not pass; the last release stays.
    """
    with tables.writing("publish"):
        remove_leftovers()
        pins = _pin()
        closure = _closure(pins)
        last = releases.last_release()
        if last and last.made_from["closure"] == closure:
            return PublishReport(last, False, None)
        engine.rest()  # frees its memory for the gate
        staged = {name: (tables.table_path(name), pins[name].version) for name in registry()}
        with draft.draft(staged, lambda name, rows: progress("draft", name, rows), last) as made:
            gate = _judge(pins, _previous(last), made.path, progress)
            if last and made.hashes() == {n: t.content_hash for n, t in last.tables.items()}:
                last.is_also_made_from(closure, {n: p.version for n, p in pins.items()})
                return PublishReport(last, False, gate)
            return _release(made, pins, closure, gate, last, progress)


def _pin() -> dict[str, Pin]:
    from expectations.gate.snapshot import Pin

    names = [*BOOKKEEPING, *(spec.name for spec in feeds().values()), *registry()]
    missing = [n for n in registry() if not tables.exists(n)]
    if missing:
        raise RejectedError(f"{missing[0]} was never built; run ./brain run first")
    for name in BOOKKEEPING:  # the gate judges them even if nothing was quarantined or corrected yet
        tables.create_if_absent(contract(name))
    return {n: Pin(n, str(tables.table_path(n)), tables.version(n)) for n in names if tables.exists(n)}


def _closure(pins: Mapping[str, Pin]) -> str:
    """Hash of what the pinned tables were built from.

    Raises:
        RejectedError: a table was built from anything but the pinned inputs.
    """
    wanted = fingerprints(tables.rows(DELIVERY, version=pins[DELIVERY].version).to_pylist())
    for name in registry():
        if stored_fingerprints(name, pins[name].version) != wanted[name]:
            raise RejectedError(f"{name} is not up to date with its inputs; run ./brain run first")
    return digest({name: wanted[name] for name in registry()})


def _previous(last: Release | None) -> dict[str, Pin]:
    from expectations.gate.snapshot import Pin

    return {n: Pin(n, str(t.path), t.version) for n, t in last.tables.items()} if last else {}


def _judge(
    pins: Mapping[str, Pin], previous: Mapping[str, Pin], draft: Path, progress: Progress
) -> GateReport:
    from expectations.gate.report import verdict_rows
    from expectations.gate.run import run_gate

    report = run_gate(
        pins,
        previous,
        lambda table, place, of: progress("gate", table, place),
        rules=rule_tables(),
        copied=draft,
    )
    folder = settings().logs
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "gate.json"
    path.write_text(json.dumps(verdict_rows(report), ensure_ascii=False, indent=1), encoding="utf-8")
    if not report.passed:
        raise GateFailed(report, str(path))
    return report


def _release(
    made: Draft,
    pins: Mapping[str, Pin],
    closure: str,
    gate: GateReport,
    last: Release | None,
    progress: Progress,
) -> PublishReport:
    from expectations.gate.report import verdict_rows

    written = [name for name, content in made.hashes().items() if not _is_same(name, content, last)]
    versions = _published(made, written, last, progress)
    entries = {
        name: {
            "path": str(published_path(name).relative_to(settings().home)),
            "version": version,
            "rows": made.content(name).rows,
            "content_hash": made.content(name).hash,
            # content of each period; the next release compares it to find what changed
            "periods": {period: held.as_text() for period, held in sorted(made.contents[name].items())},
        }
        for name, version in versions.items()
    }
    number = releases.next_number()
    verdicts = verdict_rows(gate)
    made_with = code_version()
    describe(made.path, release_tables(number, made_with, verdicts, pins))
    add_views(made.path)
    name = f"release-{number}.duckdb"
    move(made.path, settings().releases / name)
    release = releases.create_manifest(
        number,
        {
            "closure": closure,
            "tables": entries,
            "file": {
                "name": name,
                "bytes": (settings().releases / name).stat().st_size,
                "sha256": releases.checksum(settings().releases / name),
            },
            "inputs": {n: p.version for n, p in pins.items()},
            # contract versions above 1: they name the folders of the inputs
            "table_versions": {n: v for n in pins if (v := contract(n).version) > 1},
            # table → engine: a release may hold tables of both engines
            "engines": {n: by for n in registry() if (by := made_by(n, pins[n].version))},
            "rule_sets": rule_hashes(),
            "code_version": made_with,
            "synthetic": is_synthetic(),
            "gate": {
                "passed": gate.passed,
                "seconds": gate.seconds,
                "suites": gate.suites,
                "expectations": gate.expectations,
                "verdicts": verdicts,
            },
        },
    )
    access.open_to_group(settings())
    return PublishReport(release, True, gate, tuple(written))


def _is_same(name: str, content: str, last: Release | None) -> bool:
    return last is not None and name in last.tables and last.tables[name].content_hash == content


def _published(made: Draft, written: list[str], last: Release | None, progress: Progress) -> dict[str, int]:
    """Table → version of the published table. A changed table gets a new version, two tables at a time."""

    def write(name: str) -> int:
        progress("publish", f"published/{name}", made.content(name).rows)
        return write_published(made, name, last)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        new = dict(zip(written, pool.map(write, written), strict=True))
    before = {name: table.version for name, table in last.tables.items()} if last else {}
    return {name: (before | new)[name] for name in made.contents}
