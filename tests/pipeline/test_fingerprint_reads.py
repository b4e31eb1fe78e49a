"""Fingerprints cover exactly what the jobs really read of contracts, code lists and rule files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from pipeline.code_hash import reached, roots
from pipeline.definitions import Key, Read, definition, is_value, parsed
from pipeline.registry import registry
from warehouse.settings import CHECKOUT

#: Attributes that the hash of a contract covers (``Contract.hash``), by kind of object.
COVERED = {
    "Contract": {"name", "area", "table", "columns", "column_names", "key", "period", "delivery"},
    "FieldEntry": {"name", "type", "required"},
}
#: Policy files that tests/pipeline/test_fingerprint_changes.py edits, one of each folder.
EDITED = {
    "jobs/chain/rules/evidence.yml", "jobs/chain/rules/overrides.yml", "jobs/chain/rules/state_rules.yml",
    "jobs/chain/rules/targets.yml",
    "schemas/chains", "jobs/per_mu/rules/indicators.yml", "jobs/per_mu/rules/land_limits.yml",
    "jobs/per_mu/rules/rule_sets", "jobs/profile/rules/tags.yml", "jobs/profile/rules/evaluation.yml",
    "jobs/per_mu/rules/object_indicators.yml", "jobs/per_mu/rules/object_scope.yml",
    "jobs/per_mu/rules/object_rule_sets", "jobs/per_mu/rules/procedure.yml", "jobs/resource/rules/consequences.yml",
    "jobs/resource/rules/efficiency.yml", "jobs/resource/rules/promises.yml", "jobs/resource/rules/quotas.yml",
}  # fmt: skip

Recorded = dict[tuple[str, str], list[list[str]]]


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    """(phase, table) → what was read."""
    script = Path(__file__).with_name("recorded_reads.py")
    path = {"PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=path, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return {(phase, table): found for phase, table, found in json.loads(done.stdout)}


def of(kind: str, found: Iterable[list[str]]) -> set[tuple[str, ...]]:
    return {tuple(rest) for what, *rest in found if what == kind}


@pytest.mark.parametrize("table", registry())
def test_a_job_reads_exactly_what_its_fingerprint_covers(recorded: Recorded, table: str) -> None:
    read = recorded.get(("plan", table), [])
    covered = reached(*roots(registry()[table]))
    accessors = {Read(what, rest[0]) for what, *rest in read if what in ("code_list", "contract", "units")}
    assert accessors == covered.reads
    assert {column for _, column in of("column", read)} <= covered.words
    for kind, attribute in of("attribute", read):
        assert attribute in COVERED.get(kind, ()), (
            f"{table} reads {attribute}, which Contract.hash leaves out"
        )


def test_the_recorder_sees_what_is_read(recorded: Recorded) -> None:
    """Known reads are recorded; otherwise the test above would compare nothing with nothing."""
    places = ("district", "town")
    assert of("code_list", recorded["plan", "core.parcel"]) == {
        (f"{f}{p}",) for p in places for f in ("", "former_")
    }
    assert of("column", recorded["plan", "core.parcel"]) == {
        ("former_district", "successor"), ("former_town", "successor"), ("former_town", "zh"),
        ("town", "zh"), ("town", "former_zh"), ("town", "district"),
    }  # fmt: skip
    assert of("column", recorded["plan", "chain.node_enterprise"]) == {
        ("product", "zh"), ("product", "industry_class"),
    }  # fmt: skip
    assert ("FieldEntry", "type") in of("attribute", recorded["plan", "per_mu.unit"])
    assert ("jobs/per_mu/rules/indicators.yml",) in of("file", recorded["plan", "per_mu.baseline"])


@pytest.mark.parametrize("table", registry())
def test_every_file_that_a_job_opens_is_covered(recorded: Recorded, table: str) -> None:
    """Accessors cover code lists and contracts; the job's rules, which open policy files too, cover policy."""
    opened = {file for (file,) in of("file", recorded.get(("plan", table), []))}
    rules = {file for (file,) in of("file", recorded.get(("rules", table), []))}
    lists = {f"schemas/codes/{read.name}.csv" for read in reached(*roots(registry()[table])).reads}
    assert opened - lists <= {file for file in rules if file.startswith(("jobs/", "schemas/chains/"))}
    for file in rules:
        is_edited = file in EDITED or file.rpartition("/")[0] in EDITED
        is_definition = file.startswith("schemas/") and not file.startswith("schemas/chains/")
        assert is_edited or is_definition, f"{file}: no test says that it is in a fingerprint"


def test_what_modules_read_at_import_is_in_constants(recorded: Recorded) -> None:
    read = [entry for entry in recorded["import", ""] if entry[0] in ("code_list", "contract", "units")]
    assert ["code_list", "penalty", "jobs.profile.steps.parts"] in [entry[:3] for entry in read]
    for what, name, module, line in read:
        if module in ("pipeline.registry", "jobs.job"):
            continue
        [constant] = [
            Key(module, key)
            for key, statements in parsed(module).names.items()
            for s in statements
            if s.lineno <= int(line) <= (s.end_lineno or s.lineno)
        ]
        assert is_value(constant) or Read(what, name) in definition(constant).reads
