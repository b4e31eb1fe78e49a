"""Fingerprints of tables' periods: a period is stale if its stored fingerprint differs from the wanted one.

A fingerprint covers everything that a period is built from and nothing else: the current deliveries and the code that
chooses current rows among theirs, the mapping, the definitions and data that the job's code reaches
(``pipeline/code_hash.py``), the contract's columns, the rules of the period, and the fingerprints of its inputs'
periods. It covers no table versions, so OPTIMIZE and empty commits make nothing stale. It covers no titles,
descriptions or engine, and is the same on every machine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from ingest.register.deliveries import QUARANTINE
from jobs.job import Input
from pipeline.code_hash import code_hash, definitions_hash, key_of
from pipeline.periods import Fingerprints, input_periods, target_periods
from pipeline.registry import registry
from schemas.contract import contract, digest, feeds
from schemas.register import current_deliveries
from warehouse import tables


def feed_fingerprints(deliveries: list[dict[str, Any]]) -> dict[str, Fingerprints]:
    """Fingerprints of the periods of every feed, and of the quarantine in total and by feed, from the register."""
    from pipeline.inputs import current_rows, of_deliveries

    chosen_by = definitions_hash(key_of(current_rows), key_of(of_deliveries))
    result: dict[str, Fingerprints] = {}
    refused: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for spec in feeds().values():
        by_period: dict[str, list[Any]] = {}
        for row in current_deliveries(deliveries, spec):
            mark = [row["delivery_id"], row["mapping_hash"]]
            by_period.setdefault(row["period"], []).append(mark)
            if row["records_quarantined"]:
                for known_as in (QUARANTINE, Input(QUARANTINE, feed=spec.table).known_as):
                    refused[known_as][row["period"]].append(mark)
        result[spec.name] = {
            p: digest([spec.hash(), chosen_by, sorted(marks)]) for p, marks in by_period.items()
        }
    quarantine = contract(QUARANTINE)
    for known_as, by_period in refused.items():
        result[known_as] = {
            p: digest([quarantine.hash(), chosen_by, sorted(marks)]) for p, marks in by_period.items()
        }
    return result


def fingerprints(deliveries: list[dict[str, Any]]) -> dict[str, Fingerprints]:
    """Fingerprints that the periods of feeds and tables should have, given these deliveries."""
    known = feed_fingerprints(deliveries)
    for job in registry().values():
        spec = contract(job.table)
        rules = job.rules() if job.rules else None
        made_by = [code_hash(job), spec.hash()]
        known[job.table] = {
            period: digest(
                [
                    made_by,
                    rules.fingerprint(period) if rules else None,
                    [
                        [name, given.known_as, p, known[given.known_as][p]]
                        for name, given in sorted(job.inputs.items())
                        for p in input_periods(given.periods, period, known.get(given.known_as, {}))
                    ],
                ]
            )
            for period in target_periods(job, known)
        }
    return known


def stored_fingerprints(name: str, version: int | None = None) -> Fingerprints:
    """Fingerprints of a table's periods as stored in its commits."""
    for entry in tables.commit_metadata(name, version):
        if "fingerprints" in entry:
            return dict(entry["fingerprints"])
    return {}


def made_by(name: str, version: int | None = None) -> str | None:
    """The engine, with its version, that last built a table's periods; None if that is not recorded."""
    for entry in tables.commit_metadata(name, version):
        if "fingerprints" in entry:
            return entry.get("engine")
    return None


def stale_tables(deliveries: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Table → stale periods."""
    return stale_periods(fingerprints(deliveries))


def stale_periods(wanted: Mapping[str, Fingerprints]) -> dict[str, list[str]]:
    result = {}
    for name in registry():
        stored = stored_fingerprints(name)
        stale = {p for p in {*stored, *wanted[name]} if stored.get(p) != wanted[name].get(p)}
        if stale:
            result[name] = sorted(stale)
    return result
