"""A small demo city, ingested, run and published once; tests that change it work on a copy.

Delta logs, manifests and the register have relative paths, so a copied home works.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from deltalake import DeltaTable

from demo_city.city import CitySpec, generate
from ingest.ways.landing import ingest
from ingest.ways.run import IngestReport
from pipeline.publish import PublishReport, publish
from pipeline.run import run_tables
from pipeline.run_record import RunReport
from schemas.contract import contract, feed
from warehouse import duck, releases
from warehouse.comparison import staged_content
from warehouse.content import content_by_period, total
from warehouse.releases import Release
from warehouse.settings import settings

#: The smallest city that passes the gate: the number of planted faults is the same at every scale, and with most seeds
#: the one planted error in a large firm's electricity moves so small a city's total beyond its band. It has only the
#: planted faults: tests change its files and expect what follows from the change alone.
SPEC = CitySpec(scale=0.005, seed=7, years=(2022, 2023, 2024), slips=False)
YEARS = ["2022", "2023", "2024"]
#: Tables without a row in it: nothing is in doubt, published by an office or corrected.
WITHOUT_ROWS = {"per_mu.land_review", "per_mu.publication", "resource.consequence_correction"}


@dataclass(frozen=True)
class BuiltCity:
    """A home, and the reports of the steps that built it."""

    home: Path
    ingested: IngestReport
    made: RunReport
    published: PublishReport | None = None


@contextmanager
def at_home(home: Path, remote: str) -> Iterator[Path]:
    """Settings of a home on the shared engine, within the context."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BRAIN_HOME", str(home))
        patch.setenv("BRAIN_ENGINE_ADDRESS", remote)
        settings.cache_clear()
        yield settings().home
    settings.cache_clear()


def build(home: Path, remote: str, spec: CitySpec = SPEC) -> BuiltCity:
    """Build a city from files to release 1."""
    with at_home(home, remote):
        generate(spec, settings().landing, home / "truth")
        ingested = ingest()
        return BuiltCity(home, ingested, run_tables(), publish())


def copy(city: BuiltCity, home: Path) -> Path:
    """Copy the city to a new home, without locks and engine state."""
    return Path(shutil.copytree(city.home, home, ignore=shutil.ignore_patterns("engine", "locks", "logs")))


def change(city: BuiltCity, home: Path, remote: str) -> BuiltCity:
    """Correct one firm's value-added tax of 2022; ingest and run, without publishing."""
    with at_home(copy(city, home), remote):
        redeliver(home, "gov_tax", "tax_2022.csv", _raise_one_firms_tax)
        return BuiltCity(home, ingest(), run_tables())


def _raise_one_firms_tax(records: list[dict[str, str]]) -> list[dict[str, str]]:
    """A tenth more for the largest payer: enough to move its indicators, its list's baseline and sums."""
    first = max(records, key=lambda r: float(r["增值税"]))
    first["增值税"] = f"{float(first['增值税']) * 1.1:.2f}"
    return records


# --- what senders do ---------------------------------------------------------------------------------


def redeliver(
    home: Path, feed_name: str, file: str, edit: Callable[[list[dict[str, str]]], Iterable[dict[str, str]]]
) -> Path:
    """Send a CSV file again, corrected: records are heading → text; sent after everything else."""
    source = feed(feed_name).source
    assert source.format == "csv"
    old = home / "landing" / feed_name / file
    reader = csv.DictReader(io.StringIO(old.read_bytes().decode(source.encoding)), delimiter=source.delimiter)
    records = list(edit(list(reader)))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(
        text, list(reader.fieldnames or []), delimiter=source.delimiter, lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(records)
    return send(old, text.getvalue().encode(source.encoding), len(records))


def send(old: Path, content: bytes, records: int) -> Path:
    """Drop a file beside the one that it corrects: the file first, then its manifest."""
    new = old.with_name(f"{old.stem}_again{old.suffix}")
    manifest = json.loads(old.with_name(f"{old.name}.manifest.json").read_text(encoding="utf-8"))
    manifest |= {
        "file": new.name,
        "records": records,
        "sha256": hashlib.sha256(content).hexdigest(),
        "sent_at": "2025-06-01T00:00:00Z",
    }
    new.write_bytes(content)
    new.with_name(f"{new.name}.manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return new


# --- content of a home -------------------------------------------------------------------------------


def versions() -> dict[str, int]:
    """Version of every Delta table of the home, path → version."""
    root = settings().warehouse
    logs = sorted(root.rglob("_delta_log"))
    return {str(p.parent.relative_to(root)): int(DeltaTable(str(p.parent)).version()) for p in logs}


def staged_hashes() -> dict[str, str]:
    """Canonical content hash of every derived table at its latest version."""
    return {name: held.hash for name, held in staged_content()}


def assert_whole(release: Release) -> None:
    """Assert that a release's file and published tables have the content that its manifest names."""
    assert releases.checksum(release.file) == release.manifest["file"]["sha256"]
    with duck.connect(release.file, read_only=True) as file, duck.connect() as lake:
        for name, published in release.tables.items():
            spec = contract(name)
            held = content_by_period(file, spec)
            assert held == release.contents[name], name
            assert (total(held.values()).hash, total(held.values()).rows) == (
                published.content_hash,
                published.rows,
            )
            rows = DeltaTable(str(published.path), version=published.version).to_pyarrow_table()
            lake.register("rows", rows)
            lake.execute(f"CREATE SCHEMA IF NOT EXISTS {spec.area}")
            lake.execute(f"CREATE VIEW {name} AS SELECT * FROM rows")
            assert content_by_period(lake, spec) == held, name
            lake.execute(f"DROP VIEW {name}")
            lake.unregister("rows")


def release_files() -> list[str]:
    return sorted(p.name for p in settings().releases.iterdir())


def one_line(error: BaseException) -> str:
    """An error's message, which must be one line."""
    text = str(error)
    assert text and "\n" not in text
    return text
