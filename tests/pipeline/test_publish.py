"""Publication of a real small city: what blocks it, what it writes, and that it is never left half done."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from deltalake import CommitProperties, write_deltalake

import pipeline.publish as module
from expectations.gate.report import GateReport, Verdict
from ingest.register.deliveries import DELIVERY
from ingest.register.entries import deliveries
from ingest.ways.landing import ingest
from pipeline.code_hash import code_hash
from pipeline.fingerprint import fingerprints
from pipeline.manifest import engines_of, summary_of
from pipeline.publish import GateFailed, publish
from pipeline.registry import registry
from pipeline.release_tables import code_version
from pipeline.rules import rule_documents, rule_hashes
from pipeline.run import run_tables
from schemas.contract import contract
from schemas.errors import RejectedError, UsageError
from tests.built_city import (
    BuiltCity,
    assert_whole,
    at_home,
    one_line,
    redeliver,
    release_files,
    staged_hashes,
    versions,
)
from warehouse import engine, releases, tables
from warehouse.settings import CHECKOUT, settings

TWO_RELEASES = ["manifest-1.json", "manifest-2.json", "release-1.duckdb", "release-2.duckdb"]


def judged_by(release: releases.Release) -> GateReport:
    """The verdicts that a release was published with."""
    gate = release.manifest["gate"]
    verdicts = tuple(Verdict(**{**v, "failing_keys": tuple(v["failing_keys"])}) for v in gate["verdicts"])
    return GateReport(verdicts, gate["passed"], gate["seconds"], gate["suites"], gate["expectations"])


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate gives every city the verdicts of release 1: these tests are about what follows the gate."""
    monkeypatch.setattr(module, "_judge", lambda *_: judged_by(releases.open_release(1)))


def published_hashes(release: releases.Release) -> dict[str, str]:
    return {name: table.content_hash for name, table in release.tables.items()}


# --- what blocks -------------------------------------------------------------------------------------


def test_slipped_units_and_a_shrunken_feed_block_publication(built_copy: Path) -> None:
    """3 % of a year's tax rows in 亿元 instead of 万元, and a fifth fewer insured firms; ingest accepts all of it."""
    slipped: list[str] = []

    def slip(records: list[dict[str, str]]) -> list[dict[str, str]]:
        paying = [r for r in records if float(r["增值税"]) > 0]
        for record in paying[:: len(paying) * 100 // (len(records) * 3)]:
            slipped.append(record["纳税人识别号"])
            for heading in list(record)[3:]:
                record[heading] = f"{float(record[heading] or 0) / 10_000:.2f}"
        assert 0.03 * len(records) <= len(slipped) <= 0.035 * len(records)
        return records

    redeliver(built_copy, "gov_tax", "tax_2022.csv", slip)
    redeliver(
        built_copy,
        "gov_social_insurance",
        "social_insurance_2022.csv",
        lambda records: [r for i, r in enumerate(records) if i % 5],
    )
    report = ingest()
    assert [(f.state, f.records_quarantined) for f in report.files if f.period == "2022"] == [
        ("taken", 0)
    ] * 2
    run_tables()
    before = versions()
    with pytest.raises(GateFailed) as error:
        publish()
    line = one_line(error.value)
    assert line.startswith("the gate failed, nothing was published: ")
    first = error.value.report.failures()[0]
    assert f"({first.unexpected}, e.g. {first.failing_keys[0]})" in line
    # each blocks by itself, because one blocking verdict is enough
    blocking = {(v.table, v.expectation): v for v in error.value.report.failures()}
    tax = blocking["raw.gov_tax", "tax_unit_slip"]
    named = {key.split("|")[0].removeprefix("uscc=") for key in tax.failing_keys}
    faults = json.loads((built_copy / "truth" / "planted_faults.json").read_text(encoding="utf-8"))
    planted = {
        f["key"]["uscc"] for f in faults if (f["kind"], f["feed"]) == ("unit_slip_parsable", "gov_tax")
    }
    assert tax.unexpected >= len(slipped)
    assert named <= set(slipped) | planted and len(named - planted) > 5
    shrunk = blocking["raw.delivery", "volume_redelivery"]
    assert shrunk.unexpected == 1
    assert "feed=gov_social_insurance|period=2022" in shrunk.failing_keys[0]
    verdicts = json.loads((settings().logs / "gate.json").read_text(encoding="utf-8"))
    assert len(verdicts) == error.value.report.expectations > 100
    assert versions() == before
    assert release_files() == ["manifest-1.json", "release-1.duckdb"]
    assert_whole(releases.open_release())


def test_a_table_that_is_not_up_to_date_is_refused(built_copy: Path) -> None:
    tables.open_table(DELIVERY).delete("feed = 'gov_honour' AND period = '2022'")
    with pytest.raises(RejectedError) as error:
        publish()
    assert (
        one_line(error.value)
        == "core.enterprise_event is not up to date with its inputs; run ./brain run first"
    )
    assert releases.release_numbers() == [1]


def test_a_table_that_was_never_built_is_refused(built_copy: Path) -> None:
    shutil.rmtree(tables.table_path("per_mu.baseline"))
    with pytest.raises(RejectedError) as error:
        publish()
    assert one_line(error.value) == "per_mu.baseline was never built; run ./brain run first"


# --- what a release is -------------------------------------------------------------------------------


def test_a_correction_becomes_one_release_of_what_changed(changed_copy: Path) -> None:
    """Through the real gate. Publishing again gives the same release, and the old release does not change."""
    before, old = versions(), releases.open_release()
    steps: list[tuple[str, str]] = []
    report = publish(lambda stage, what, _: steps.append((stage, what)))
    new = report.release
    assert (new.number, report.is_new) == (2, True)
    pinned = old.manifest["inputs"]
    rebuilt = {name for name in new.tables if new.manifest["inputs"][name] != pinned[name]}
    assert {what for stage, what in steps if stage == "draft"} == rebuilt < set(new.tables)
    assert report.gate is not None and report.gate.passed and report.gate.expectations > 100
    changed = {n for n, h in published_hashes(new).items() if h != published_hashes(old)[n]}
    assert set(report.written) == changed
    assert "per_mu.indicator_value" in changed and "core.parcel" not in changed
    grown = {path for path, number in versions().items() if number != before[path]}
    assert grown == {"published/" + name.replace(".", "/") for name in changed}
    for name, table in new.tables.items():
        assert table.version == old.tables[name].version + (name in changed), name
    assert published_hashes(new) == staged_hashes()
    assert_whole(new)
    assert_whole(old)

    before = versions()
    again = publish()
    assert (again.release.number, again.is_new, again.written) == (2, False, ())
    assert versions() == before
    assert release_files() == TWO_RELEASES


def test_the_manifest_names_everything_the_release_was_built_from(built_home: Path) -> None:
    manifest = releases.open_release().manifest
    assert {name: tables.version(name) for name in manifest["inputs"]} == manifest["inputs"]
    assert {d["feed"] for d in deliveries()} <= {name.removeprefix("raw.") for name in manifest["inputs"]}
    assert set(registry()) == set(manifest["tables"])
    assert manifest["synthetic"] is True
    assert (
        manifest["gate"]["passed"] and len(manifest["gate"]["verdicts"]) == manifest["gate"]["expectations"]
    )
    assert manifest["rule_sets"] == rule_hashes()
    assert {area for area, _ in rule_documents()} == {"per_mu", "chain", "profile", "resource"}
    assert manifest["engines"] == dict.fromkeys(registry(), engine.kind().version())
    assert summary_of(manifest)["engine"] == engines_of(manifest) == engine.kind().version()


def test_other_code_with_the_same_content_is_the_same_release(
    built_copy: Path, judged: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fingerprints of all tables are new, as after a run with changed code; their content is not."""
    real = code_hash
    monkeypatch.setattr("pipeline.fingerprint.code_hash", lambda job: "new" + real(job))
    wanted = fingerprints(deliveries())
    for name in registry():
        mark = json.dumps({"fingerprints": wanted[name]})
        nothing = contract(name).arrow_schema().empty_table()
        properties = CommitProperties(custom_metadata={"userMetadata": mark})
        write_deltalake(tables.open_table(name), nothing, mode="append", commit_properties=properties)
    before = versions()
    report = publish()
    assert (report.release.number, report.is_new, report.written) == (1, False, ())
    assert report.gate is not None
    assert versions() == before
    assert release_files() == ["manifest-1.json", "release-1.duckdb", "same-content-1.json"]
    again = publish()
    assert (again.release.number, again.is_new, again.gate) == (1, False, None)  # the gate does not run again
    assert again.release.made_from["inputs"] == {
        n: tables.version(n) for n in again.release.made_from["inputs"]
    }


def test_what_changes_after_the_check_is_not_published(
    changed_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the gate's verdict and the manifest, one table is emptied and another gets its rows twice."""
    checked = staged_hashes()

    def judge_and_then_spoil(*_: object) -> GateReport:
        tables.open_table("per_mu.city_rank").delete()
        grades = tables.open_table("per_mu.enterprise_grade")
        write_deltalake(grades, grades.to_pyarrow_table(), mode="append")
        return judged_by(releases.open_release(1))

    monkeypatch.setattr(module, "_judge", judge_and_then_spoil)
    report = publish()
    assert report.is_new
    spoilt = staged_hashes()
    assert {n for n in spoilt if spoilt[n] != checked[n]} == {"per_mu.city_rank", "per_mu.enterprise_grade"}
    assert published_hashes(report.release) == checked
    assert_whole(report.release)


def test_a_rollback_points_back_and_the_next_release_follows_it(changed_copy: Path, judged: None) -> None:
    second = publish().release
    first = releases.open_release(1)
    third = releases.rollback(1)
    assert releases.open_release() == third
    assert (third.number, third.manifest["rollback_of"]) == (3, 1)
    assert (third.file, third.tables) == (first.file, first.tables)
    assert_whole(third)
    before = versions()
    fourth = publish().release
    assert (fourth.number, published_hashes(fourth)) == (4, published_hashes(second))
    assert fourth.tables == second.tables
    assert versions() == before
    for number in (1, 2, 3, 4):
        assert_whole(releases.open_release(number))


def test_a_rollback_to_an_unknown_release_names_the_known_ones(built_home: Path) -> None:
    with pytest.raises(UsageError) as error:
        releases.rollback(7)
    assert one_line(error.value) == "there is no release 7; there are 1"


def test_a_manifest_is_created_only_if_absent(built_copy: Path) -> None:
    before = (settings().releases / "manifest-1.json").read_bytes()
    with pytest.raises(RejectedError) as error:
        releases.create_manifest(1, {"tables": {}})
    assert "made by another publisher" in one_line(error.value)
    assert (settings().releases / "manifest-1.json").read_bytes() == before
    assert release_files() == ["manifest-1.json", "release-1.duckdb"]


# --- killed, and two at once -------------------------------------------------------------------------

#: Program that starts publishers, each a process forked from one that has imported everything. A step is code that
#: the publisher runs first; ``before`` and ``after`` make it die at a call, without any clean-up.
PUBLISHERS = """
import json, os, sys, time, traceback
from pathlib import Path
import pipeline.publish as module
from pipeline.code_hash import code_hash
from pipeline.registry import registry
from pipeline.rules import rule_hashes
from tests.pipeline.test_publish import judged_by
from warehouse import description, draft, releases
from warehouse.settings import settings

def die():
    os._exit(9)

def before(owner, name, call=1, only=lambda *given: True):
    real, calls = getattr(owner, name), []
    def stop(*given, **named):
        if only(*given):
            calls.append(1)
            if len(calls) == call:
                die()
        return real(*given, **named)
    setattr(owner, name, stop)

def after(owner, name, only=lambda *given: True):
    real = getattr(owner, name)
    def stop(*given, **named):
        result = real(*given, **named)
        if only(*given):
            die()
        return result
    setattr(owner, name, stop)

def half(path, text, **_):
    path.write_bytes(text.encode()[: len(text) // 2])
    die()

def uncommitted(path, *_, **__):
    (Path(path) / "year=2022").mkdir(exist_ok=True)
    (Path(path) / "year=2022" / "part-of-nothing.parquet").write_bytes(b"PAR1")
    die()

def is_release(path, *_):
    return Path(path).suffix == ".duckdb"

def is_manifest(path, *_):
    return ".partial" in str(path)

def verdict():
    return judged_by(releases.open_release(1))

def when_two_are_ready():
    while len(list(settings().home.glob("ready-*"))) < 2:
        time.sleep(0.01)
    time.sleep(0.2)
    return verdict()

def start(home, step):
    if pid := os.fork():
        return pid
    os.environ["BRAIN_HOME"] = home
    settings.cache_clear()
    try:
        module._judge = lambda *_: verdict()
        exec(step, globals())
        (settings().home / f"ready-{os.getpid()}").touch()
        report = module.publish()
        (settings().home / f"said-{os.getpid()}").write_text(f"{report.release.number} {report.is_new}")
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)

for job in registry().values():
    code_hash(job)
rule_hashes()
for line in sys.stdin:
    order = json.loads(line)
    started = [start(order["home"], step) for step in order["steps"]]
    ends = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in started]
    print(json.dumps(ends), flush=True)
"""

STEPS = {
    "before anything is copied": "before(draft, '_copied')",
    "while tables are copied": "before(draft, '_copied', call=5)",
    "when all is copied": "before(module, '_release')",
    "while the first published table is written": "draft.write_deltalake = uncommitted",
    "after the first published table": "after(module, 'write_published')",
    "between published tables": "before(module, 'write_published', call=3)",
    "while the file is described": "before(description, 'literal', call=40)",
    "after the file is described": "after(module, 'describe')",
    "after the file has its name": "after(Path, 'replace', is_release)",
    "while the manifest is written": "Path.write_text = half",
    "before the manifest has its name": "before(os, 'link', only=is_manifest)",
}

#: The steps of every test run: before the first write, between two tables, within the manifest. A long run has all.
SHORT = {"before anything is copied", "between published tables", "while the manifest is written"}

#: Runs publishers with these steps at the same time in the home; returns their exit codes.
Publishers = Callable[..., list[int]]


@pytest.fixture(scope="module")
def publishers() -> Iterator[Publishers]:
    process = subprocess.Popen(
        [sys.executable, "-c", PUBLISHERS],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    orders, answers = process.stdin, process.stdout
    assert orders is not None and answers is not None

    def run(*steps: str) -> list[int]:
        orders.write(json.dumps({"home": str(settings().home), "steps": steps}) + "\n")
        orders.flush()
        return list(json.loads(answers.readline()))

    yield run
    orders.close()
    assert process.wait(30) == 0


@pytest.fixture(scope="module")
def changed_hashes(changed_city: BuiltCity) -> dict[str, str]:
    """Content hashes of the changed city, which a release of it must have."""
    with at_home(changed_city.home, "none"):
        return staged_hashes()


@pytest.mark.parametrize(
    "step", [step if step in SHORT else pytest.param(step, marks=pytest.mark.slow) for step in STEPS]
)
def test_a_killed_publication_leaves_the_old_release_and_the_next_completes_it(
    changed_copy: Path, changed_hashes: dict[str, str], judged: None, publishers: Publishers, step: str
) -> None:
    old, before = releases.open_release(), versions()
    assert publishers(STEPS[step]) == [9]
    assert releases.open_release() == old
    assert_whole(old)

    report = publish()
    new = report.release
    assert (new.number, report.is_new) == (2, True)
    assert published_hashes(new) == changed_hashes
    assert_whole(new)
    assert release_files() == TWO_RELEASES
    # tables that the killed publisher had committed are used, not written again
    grown = {path: number - before[path] for path, number in versions().items() if number != before[path]}
    assert grown == {"published/" + name.replace(".", "/"): 1 for name in report.written}


def test_a_publisher_killed_after_the_manifest_has_published(
    changed_copy: Path, judged: None, publishers: Publishers
) -> None:
    assert publishers("after(os, 'link', is_manifest)") == [9]
    new = releases.open_release()
    assert new.number == 2
    assert_whole(new)
    report = publish()
    assert (report.release.number, report.is_new) == (2, False)
    assert release_files() == TWO_RELEASES


def test_leftovers_of_a_killed_publisher_are_removed_even_if_its_release_is_never_made(
    changed_copy: Path, judged: None, publishers: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The correction is withdrawn after the kill: nothing is published, and the named file must not stay."""
    assert publishers(STEPS["after the file has its name"]) == [9]
    assert "release-2.duckdb" in release_files()
    closure = releases.open_release().manifest["closure"]
    monkeypatch.setattr(module, "_closure", lambda pins: closure)
    assert not publish().is_new
    assert release_files() == ["manifest-1.json", "release-1.duckdb"]


def test_two_publishers_at_once_make_one_release(changed_copy: Path, publishers: Publishers) -> None:
    """The gate of the first publisher lasts until the second one waits for it."""
    step = "module._judge = lambda *_: when_two_are_ready()"
    assert publishers(step, step) == [0, 0]
    said = sorted(path.read_text() for path in settings().home.glob("said-*"))
    assert said == ["2 False", "2 True"]
    assert release_files() == TWO_RELEASES
    assert_whole(releases.open_release(2))
    assert_whole(releases.open_release(1))


def test_the_code_has_a_version_where_git_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.settings.CHECKOUT", tmp_path)
    monkeypatch.delenv("BRAIN_COMMIT", raising=False)
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_version() == version("ningbo-industrial-brain")
