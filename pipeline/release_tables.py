"""The schema ``release`` of a release: its info, verdicts, rules, deliveries, quarantine, dictionary and codes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ingest.register.deliveries import CORRECTION, DELIVERY, QUARANTINE
from pipeline.rules import as_release_tables
from schemas.contract import feeds
from schemas.register import in_force, latest_rows, stands
from warehouse import duck, tables
from warehouse.description import codes, dictionary
from warehouse.settings import settings

if TYPE_CHECKING:
    from expectations.gate.snapshot import Pin


def release_tables(
    number: int, version: str, verdicts: list[dict[str, Any]], pins: Mapping[str, Pin]
) -> dict[str, pa.Table]:
    """Name → table of the schema ``release`` in a release file."""
    scope = (
        ("合成数据（示范城市），不含任何真实企业", "Synthetic data of a demo city without any real firm")
        if is_synthetic()
        else ("", "")
    )
    info = {
        "release": str(number),
        "date": datetime.now(UTC).date().isoformat(),
        "scope_zh": scope[0],
        "scope_en": scope[1],
        "code": version,
    }
    delivered = tables.rows(DELIVERY, version=pins[DELIVERY].version)
    register = delivered.to_pylist()
    standing = standing_entries(delivered)
    keys = ("delivery_id", "sequence", "period")
    current = {tuple(row[k] for k in keys) for spec in feeds().values() for row in in_force(register, spec)}
    is_current = pa.array([tuple(row[k] for k in keys) in current for row in register], pa.bool_())
    return {
        "info": pa.Table.from_pylist([{"key": k, "value": v} for k, v in info.items()]),
        "verdict": pa.Table.from_pylist(verdicts),
        **{name: pa.Table.from_pylist(list(rows)) for name, rows in as_release_tables().items()},
        "delivery": delivered.append_column("is_current", is_current),
        "quarantine": refused_by_reason(pins, standing),
        "correction": corrected_by_heading(pins, standing),
        "dictionary": pa.Table.from_pylist(dictionary()),
        "code": pa.Table.from_pylist(codes()),
    }


def standing_entries(register: pa.Table) -> pa.Table:
    """The register's entries of deliveries that are neither withdrawn nor held, as they were last mapped."""
    rows = register.to_pylist()
    standing = [row for spec in feeds().values() for row in latest_rows(rows, spec) if stands(row)]
    return pa.Table.from_pylist(standing, schema=register.schema)


def refused_by_reason(pins: Mapping[str, Pin], standing: pa.Table) -> pa.Table:
    """One row per feed, period and reason: the number of quarantined records. A record with two reasons counts twice.

    Args:
        standing: entries of the register whose records count here.
    """
    columns = ["feed", "period", "reasons", "delivery_id", "mapping_hash"]
    refused = tables.rows(QUARANTINE, columns, _version(QUARANTINE, pins))
    with duck.connect() as connection:
        connection.register("refused", refused)
        connection.register("registered", standing)
        return connection.execute(
            "SELECT feed, period, reason, count(*) AS records "
            "FROM (SELECT feed, period, unnest(reasons) AS reason FROM refused "
            "SEMI JOIN registered USING (delivery_id, mapping_hash)) GROUP BY ALL ORDER BY ALL"
        ).to_arrow_table()


def corrected_by_heading(pins: Mapping[str, Pin], standing: pa.Table) -> pa.Table:
    """One row per feed, period and heading: the number of records whose last mapping applied a correction there.

    Args:
        standing: entries of the register whose records count here.
    """
    made = tables.rows(CORRECTION, version=_version(CORRECTION, pins))
    with duck.connect() as connection:
        connection.register("made", made)
        connection.register("delivery", standing)
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


def _version(name: str, pins: Mapping[str, Pin]) -> int | None:
    return pins[name].version if name in pins else None


def is_synthetic() -> bool:
    """Whether the home holds the demo city's data."""
    return (settings().landing / ".demo_city.json").exists()


def code_version() -> str:
    """The package's version, and the commit if it is known."""
    import subprocess
    from importlib.metadata import version

    from warehouse.settings import CHECKOUT

    commit = os.environ.get("BRAIN_COMMIT", "")
    if not commit and (CHECKOUT / ".git").exists():
        command = ["git", "-C", str(CHECKOUT), "rev-parse", "--short=12", "HEAD"]
        with suppress(FileNotFoundError):  # the checkout was copied to a machine without git
            commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return f"{version('ningbo-industrial-brain')}{'+' + commit if commit else ''}"
