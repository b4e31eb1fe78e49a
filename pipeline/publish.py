"""Publish: pin the staged tables, copy them into a file, let the gate judge that file, and make a release of it.

What is published is what was judged: a table that changes meanwhile waits for the next release. A release is
closed: every table was made from the versions of its inputs that the release itself contains.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ingest.register.deliveries import CORRECTION, DELIVERY, QUARANTINE
from pipeline.fingerprint import fingerprints, made_by, stored_fingerprints
from pipeline.registry import registry
from pipeline.rules import as_release_tables, rule_hashes, rule_tables
from schemas.contract import contract, digest, feeds
from schemas.errors import RejectedError
from schemas.register import in_force, latest_rows, stands
from warehouse import access, draft, duck, engine, releases, tables
from warehouse.description import codes, describe, dictionary
from warehouse.draft import Draft, remove_leftovers, write_published
from warehouse.progress import Progress, silent
from warehouse.releases import Release, published_path
from warehouse.settings import settings
from warehouse.state import move

if TYPE_CHECKING:
    from pathlib import Path

    from expectations.gate.run import GateReport
    from expectations.gate.snapshot import Pin

#: Not published as tables; a release has their counts.
BOOKKEEPING = (DELIVERY, QUARANTINE, CORRECTION)


#: Rows that are shown of each warning; the manifest and logs/gate.json name more.
EXAMPLES = 3

#: Published tables that are written at the same time: DuckDB reads one while the other one's Parquet is encoded.
AT_ONCE = 2


@dataclass(frozen=True)
class PublishReport:
    """What publishing did: the release, whether it is new, and the gate's report when it was asked."""

    release: Release
    is_new: bool
    gate: GateReport | None
    written: tuple[str, ...] = ()

    def warnings(self) -> list[dict[str, Any]]:
        """What the gate, or else the one that let the release pass, found and did not block."""
        from expectations.gate.run import verdict_rows

        return warnings_of(
            verdict_rows(self.gate) if self.gate else self.release.manifest["gate"]["verdicts"]
        )


class GateFailed(RejectedError):
    """The gate found something that must not be published."""

    def __init__(self, report: GateReport, path: str) -> None:
        self.report = report
        names = [f"{v.table}: {v.title_zh} {v.title_en} ({v.unexpected})" for v in report.failures()]
        shown = "; ".join(names[:3]) + (f"; and {len(names) - 3} more" if len(names) > 3 else "")
        super().__init__(f"the gate failed, nothing was published: {shown or 'it did not look'}; see {path}")


def publish(progress: Progress = silent) -> PublishReport:
    """Make the staged tables a release, if they are up to date, pass the gate, and are new.

    Raises:
        RejectedError: a table is not up to date.
        GateFailed: an expectation failed; the last release stays.
    """
    with tables.writing("publish"):
        remove_leftovers()
        pins = _pin()
        closure = _closure(pins)
        last = releases.last_release()
        if last and last.made_from["closure"] == closure:
            return PublishReport(last, False, None)
        engine.rest()  # the gate wants memory of its own
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
        raise RejectedError(f"{missing[0]} was never made; run ./brain run first")
    for name in BOOKKEEPING:  # the gate judges them, also where nothing was quarantined or corrected yet
        tables.create_if_absent(contract(name))
    return {n: Pin(n, str(tables.table_path(n)), tables.version(n)) for n in names if tables.exists(n)}


def _closure(pins: Mapping[str, Pin]) -> str:
    """Identify what the pinned tables were made from.

    Raises:
        RejectedError: a table was made from something else than the pinned inputs.
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
    from expectations.gate.run import run_gate, verdict_rows

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
    from expectations.gate.run import verdict_rows

    written = [name for name, content in made.hashes().items() if not _is_same(name, content, last)]
    versions = _published(made, written, last, progress)
    entries = {
        name: {
            "path": str(published_path(name).relative_to(settings().home)),
            "version": version,
            "rows": made.content(name).rows,
            "content_hash": made.content(name).hash,
            # what each period holds, which adds up to the content: the next release asks what has changed
            "periods": {period: held.as_text() for period, held in sorted(made.contents[name].items())},
        }
        for name, version in versions.items()
    }
    number = releases.next_number()
    verdicts = verdict_rows(gate)
    describe(made.path, _description(number, verdicts, pins))
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
            # versions of contracts: in which folder the inputs lie
            "table_versions": {n: v for n in pins if (v := contract(n).version) > 1},
            # table → engine: releases may hold tables of both
            "engines": {n: by for n in registry() if (by := made_by(n, pins[n].version))},
            "rule_sets": rule_hashes(),
            "code_version": code_version(),
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
    """Table → version of the published table that holds it; of those that changed a new one, two made at a time."""

    def write(name: str) -> int:
        progress("publish", f"published/{name}", made.content(name).rows)
        return write_published(made, name, last)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        new = dict(zip(written, pool.map(write, written), strict=True))
    before = {name: table.version for name, table in last.tables.items()} if last else {}
    return {name: (before | new)[name] for name in made.contents}


def _description(number: int, verdicts: list[dict[str, Any]], pins: Mapping[str, Pin]) -> dict[str, pa.Table]:
    """The tables of the schema ``release`` in a release file."""
    scope = (
        ("合成数据（示范城市），不含任何真实企业", "Synthetic data of a demo city without any real firm")
        if is_synthetic()
        else ("", "")
    )
    info = {"release": str(number), "scope_zh": scope[0], "scope_en": scope[1], "code": code_version()}
    delivered = tables.rows(DELIVERY, version=pins[DELIVERY].version)
    register = delivered.to_pylist()
    keys = ("delivery_id", "sequence", "period")
    counting = {tuple(row[k] for k in keys) for spec in feeds().values() for row in in_force(register, spec)}
    is_current = pa.array([tuple(row[k] for k in keys) in counting for row in register], pa.bool_())
    return {
        "info": pa.Table.from_pylist([{"key": k, "value": v} for k, v in info.items()]),
        "verdict": pa.Table.from_pylist(verdicts),
        **{name: pa.Table.from_pylist(list(rows)) for name, rows in as_release_tables().items()},
        "delivery": delivered.append_column("is_current", is_current),
        "quarantine": refused_by_reason(pins),
        "correction": corrected_by_heading(pins),
        "dictionary": pa.Table.from_pylist(dictionary()),
        "code": pa.Table.from_pylist(codes()),
    }


def refused_by_reason(pins: Mapping[str, Pin]) -> pa.Table:
    """One row per feed, period and reason: quarantined records (a record with two reasons counts in both).

    Of deliveries that were not taken back, as they were mapped last.
    """
    pin = pins.get(QUARANTINE)
    columns = ["feed", "period", "reasons", "delivery_id", "mapping_hash"]
    refused = tables.rows(QUARANTINE, columns, pin.version if pin else None)
    with duck.connect() as connection:
        connection.register("refused", refused)
        connection.register("registered", _standing(pins))
        return connection.execute(
            "SELECT feed, period, reason, count(*) AS records "
            "FROM (SELECT feed, period, unnest(reasons) AS reason FROM refused "
            "SEMI JOIN registered USING (delivery_id, mapping_hash)) GROUP BY ALL ORDER BY ALL"
        ).to_arrow_table()


def _standing(pins: Mapping[str, Pin]) -> pa.Table:
    """The register's entries of deliveries that were not taken back, as they were mapped last."""
    register = tables.rows(DELIVERY, version=pins[DELIVERY].version)
    rows = register.to_pylist()
    standing = [row for spec in feeds().values() for row in latest_rows(rows, spec) if stands(row)]
    return pa.Table.from_pylist(standing, schema=register.schema)


def corrected_by_heading(pins: Mapping[str, Pin]) -> pa.Table:
    """One row per feed, period and heading: records whose cell is corrected, and was when they were mapped last."""
    made = tables.rows(CORRECTION, version=pins[CORRECTION].version if CORRECTION in pins else None)
    with duck.connect() as connection:
        connection.register("made", made)
        connection.register("delivery", _standing(pins))
        return connection.execute(
            """
            SELECT feed, period, heading, count(*) AS records
            FROM (SELECT m.* FROM made m
                JOIN (SELECT delivery_id, arg_max(corrected_upto, sequence) AS upto FROM delivery GROUP BY ALL) d
                ON d.delivery_id = m.delivery_id AND m.correction_number <= d.upto
                QUALIFY row_number() OVER (PARTITION BY m.delivery_id, source_file, source_row, heading
                    ORDER BY correction_number DESC) = 1)
            WHERE NOT is_withdrawn GROUP BY ALL ORDER BY ALL
            """
        ).to_arrow_table()


def is_synthetic() -> bool:
    """Whether the home holds the demo city's data."""
    return (settings().landing / ".demo_city.json").exists()


def code_version() -> str:
    """The packages' version, and the commit where there is one."""
    import subprocess
    from importlib.metadata import version

    from warehouse.settings import CHECKOUT

    commit = os.environ.get("BRAIN_COMMIT", "")
    if not commit and (CHECKOUT / ".git").exists():
        command = ["git", "-C", str(CHECKOUT), "rev-parse", "--short=12", "HEAD"]
        with suppress(FileNotFoundError):  # a checkout that was copied to where git is not installed
            commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return f"{version('ningbo-industrial-brain')}{'+' + commit if commit else ''}"


def summary_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The few lines of a manifest that a list of releases shows."""
    return {
        "release": manifest["release"],
        "created_at": manifest["created_at"],
        "tables": len(manifest["tables"]),
        "rows": sum(t["rows"] for t in manifest["tables"].values()),
        "expectations": manifest["gate"]["expectations"],
        "engine": engines_of(manifest),
        "rollback_of": manifest.get("rollback_of"),
    }


def warnings_of(verdicts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of the gate's verdicts those that warn, with a few of the rows behind each."""
    return [
        {
            "table": v["table"],
            "expectation": v["expectation"],
            "title_zh": v["title_zh"],
            "title_en": v["title_en"],
            "rows": v["unexpected"],
            "examples": list(v["failing_keys"][:EXAMPLES]),
        }
        for v in verdicts
        if not v["success"]
    ]


def engines_of(manifest: Mapping[str, Any]) -> str | None:
    """Which engines made a release's tables, in a word; None where that was not written down.

    >>> engines_of({"engines": {"core.parcel": "Sail 0.7.2", "chain.gap": "Sail 0.7.2"}})
    'Sail 0.7.2'
    """
    return ", ".join(sorted(set(manifest.get("engines", {}).values()))) or None
