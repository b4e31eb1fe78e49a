"""Tables that a change makes stale: exactly those that depend on it, as a person finds by reading the code.

The packages are copied and edited, and a separate process computes the fingerprints of all tables for an invented
register. The tests name the tables that read the changed thing themselves; the tables below them follow from the
jobs' inputs.
"""

from __future__ import annotations

import compileall
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any

import pytest

from pipeline.registry import registry
from warehouse.settings import CHECKOUT

#: File, old text, new text; an empty old text appends.
Edit = tuple[str, str, str]
Fingerprints = dict[str, dict[str, str]]
#: Fingerprints of tables and mapping hashes of feeds after some edits.
Found = tuple[Fingerprints, dict[str, str]]
Edited = Callable[..., Found]

ALL = set(registry())
PER_MU = {name for name in ALL if name.startswith("per_mu.")}
RESOURCE = {name for name in ALL if name.startswith("resource.")}
WITH_MODELS = {
    "chain.node", "chain.node_enterprise", "chain.supply_flow", "chain.node_metrics", "chain.chain_metrics",
    "chain.node_metrics_month", "chain.chain_metrics_month", "chain.local_supplier",
}  # fmt: skip


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edited]:
    folder = tmp_path_factory.mktemp("packages").resolve()
    for package in ("jobs", "schemas", "warehouse", "ingest", "pipeline"):
        shutil.copytree(CHECKOUT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    # checked by hash, because time and size of an edited file may equal those of the one before
    compileall.compile_dir(folder, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
    script = str(Path(__file__).with_name("fingerprint_server.py"))
    server = subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, env={}
    )
    assert server.stdin and server.stdout

    def after(*edits: Edit, is_mapped_anew: bool = False) -> Found:
        assert server.stdin and server.stdout
        before = {name: (folder / name).read_bytes() for name, *_ in edits if (folder / name).exists()}
        try:
            for name, old, new in edits:
                path = folder / name
                text = path.read_text(encoding="utf-8") if path.exists() else ""
                assert old in text, f"{name} has no {old}"
                path.write_text(text.replace(old, new, 1) if old else text + new, encoding="utf-8")
            server.stdin.write(json.dumps([str(folder), is_mapped_anew]) + "\n")
            server.stdin.flush()
            answer: dict[str, Any] = json.loads(server.stdout.readline())
        finally:
            for name in {name for name, *_ in edits}:
                (folder / name).write_bytes(before[name]) if name in before else (folder / name).unlink()
        assert "error" not in answer, answer["error"]
        return answer["tables"], answer["mappings"]

    yield after
    server.stdin.close()
    server.wait(timeout=30)


@pytest.fixture(scope="module")
def plain(edited: Edited) -> Found:
    return edited()


def made_by(rules: str) -> set[str]:
    """The tables whose jobs take these rules."""
    return {name for name, job in registry().items() if job.rules and job.rules.__name__ == rules}


def below(*tables: str) -> set[str]:
    """The tables and all that are built from them."""
    found = set(tables)
    for name, job in registry().items():
        if found & {given.table for given in job.inputs.values()}:
            found.add(name)
    return found


def stale(before: Fingerprints, after: Fingerprints) -> dict[str, list[str]]:
    return {
        name: changed
        for name, marks in after.items()
        if (changed := [p for p in marks if before[name].get(p) != marks[p]])
    }


# --- what makes nothing stale ----------------------------------------------------------------------------

TEXTS: list[Edit] = [
    ("schemas/core/parcel.yml", "description: Industrial", "description: All industrial"),
    ("schemas/raw/gov_patent.yml", "zh: 专利", "zh: 专利权"),
    ("schemas/raw/gov_patent.yml", "lateness_days: 60", "lateness_days: 61"),
    ("schemas/fields/raw.yml", "en: Title of the patent, description: Title", "en: Title, description: The title"),
    ("schemas/codes/product.csv", "131101,大米,Milled rice", "131101,大米,Rice"),
    ("schemas/codes/town.csv", "集士港镇,Jishigang Town", "集士港镇,Jishigang"),
    ("schemas/codes/penalty.csv", "Fatal work-safety accident", "Fatal accident at work"),
    ("jobs/chain/rules/evidence.yml", "why: a list for procurement is read by people", "why: it is read by people"),
    ("jobs/chain/rules/targets.yml", "split_why: no document", "split_why: no public document"),
    ("schemas/chains/XTCX.yml", "source: 宁波市制造业", "source: 《宁波市制造业"),
    ("jobs/per_mu/rules/indicators.yml", "I1: {unit: 万元/亩,", "I1: {unit: 万元每亩,"),
    ("jobs/per_mu/rules/rule_sets/ningbo-cixi.yml", "id: ningbo-cixi", "# of Cixi\nid: ningbo-cixi"),
    ("jobs/per_mu/rules/object_scope.yml", "title: {zh: 评价对象范围", "title: {zh: 评价对象的范围"),
    ("jobs/profile/rules/tags.yml", "source: 统计上大中小微型企业划分办法（2017）", "source: 大中小微型企业划分办法"),
    ("jobs/columns/values.py", '"""Those of the texts that are not missing', '"""Texts that are not missing'),
    ("jobs/columns/values.py", "# array_compact would do", "# array_compact might do"),
    ("jobs/columns/values.py", "return F.array_except(F.array(", "return F.array_except(\n F.array("),
]  # fmt: skip


def test_texts_make_nothing_stale(edited: Edited, plain: Found) -> None:
    tables, mappings = edited(*TEXTS)
    assert stale(plain[0], tables) == {}
    assert mappings == plain[1]


NO_ROWS: list[Edit] = [
    # how senders' databases are read
    ("schemas/source.py", "    overlap: int = Field(", "    grace: int = 0\n    overlap: int = Field("),
    (
        "schemas/contract.py",
        "def connected_groups()",
        "def unused() -> None: ...\n\n\ndef connected_groups()",
    ),
    ("ingest/mapping.py", 'NUMBER = r"[+-]?', 'NUMBER = r"[+]?'),
    ("pipeline/run_record.py", "class RunReport:", "class RunReport:\n    another: int = 0"),
    # what the command line reads of rules, and how rules are loaded and distinguished
    (
        "jobs/per_mu/rules/book.py",
        "return RuleBook([*others, rule_set])",
        "return RuleBook([rule_set, *others])",
    ),
    ("jobs/per_mu/rules/reading.py", "merged = dict(base)", "merged = {**base}"),
    ("jobs/chain/rules/models.py", "if share > 100:", "if not share <= 100:"),
    (
        "jobs/per_mu/steps/explanation.py",
        "def explain_grade",
        "def unused() -> None: ...\n\n\ndef explain_grade",
    ),
    # evidence is looked up only on request
    ("jobs/core/group_member.py", '{"from_uscc": "uscc", "period": "year"}', '{"from_uscc": "uscc"}'),
]


def test_code_that_makes_no_row_makes_nothing_stale(edited: Edited, plain: Found) -> None:
    tables, mappings = edited(*NO_ROWS)
    assert stale(plain[0], tables) == {}
    assert mappings == plain[1]


def test_moved_definitions_make_nothing_stale(edited: Edited, plain: Found) -> None:
    """A module under another name, and a definition in another module."""
    frames = (CHECKOUT / "jobs/chain/rules/frames.py").read_text(encoding="utf-8")
    users = ("local_supplier", "node", "node_enterprise", "steps/nodes", "supply_flow")
    versions = (CHECKOUT / "jobs/per_mu/steps/versions.py").read_text(encoding="utf-8")
    in_force = versions[versions.index("def in_force") :]
    edits: list[Edit] = [
        ("jobs/chain/rules/frames.py", frames, ""),
        ("jobs/chain/literals.py", "", frames),
        *((f"jobs/chain/{name}.py", "jobs.chain.rules.frames", "jobs.chain.literals") for name in users),
        ("jobs/per_mu/steps/versions.py", in_force, ""),
        ("jobs/per_mu/steps/ranking.py", "import Column", "import Column, DataFrame"),
        ("jobs/per_mu/steps/ranking.py", "", f"\n\n{in_force}"),
        *(
            (f"jobs/{name}.py", "from jobs.per_mu.steps.versions", "from jobs.per_mu.steps.ranking")
            for name in (
                "bulletin/grade_list",
                "chain/steps/figures",
                "chain/local_supplier",
                "profile/steps/parts",
            )
        ),
    ]
    assert stale(plain[0], edited(*edits)[0]) == {}


# --- what makes some tables stale ------------------------------------------------------------------------

IDENTIFIERS = "jobs/core/enterprise_identifier.py"
PRESENT = "array_except(F.array(*texts, "
CHANGES: dict[str, tuple[list[Edit], set[str]]] = {
    # code lists
    "a former district": (
        [("schemas/codes/former_district.csv", "鄞县,Yin county,330212", "鄞县,Yin county,330213")],
        below(
            "core.enterprise", "core.enterprise_month", "core.parcel", "core.parcel_use", "core.zone", "core.park",
            "core.building", "core.service_firm", "core.service_complex",
        ),
    ),
    "the name of a town": (
        [("schemas/codes/town.csv", "集士港镇", "集仕港镇")],
        below("core.enterprise", "core.parcel", "core.parcel_use"),
    ),
    "a kind of penalty": (
        [("schemas/codes/penalty.csv", "", "noise,噪声污染,Noise\n")],
        below("per_mu.adjustment", "profile.enterprise_profile"),
    ),
    "the name of a penalty": (
        [("schemas/codes/penalty.csv", "安全生产死亡事故", "生产安全死亡事故")],
        below("per_mu.adjustment"),
    ),
    "the name of a product": (
        [("schemas/codes/product.csv", "131101,大米", "131101,白米")],
        below("chain.node_enterprise"),
    ),
    "a class of industry": (
        [("schemas/codes/industry_class.csv", "", "4699,其他水的处理,46\n")],
        below("core.enterprise", "chain.node", "chain.node_metrics"),
    ),
    # policy
    "the length of the list of suppliers": (
        [("jobs/chain/rules/evidence.yml", "places: 50", "places: 51")],
        {"chain.local_supplier"},
    ),
    "the output of a lead firm": (
        [("jobs/chain/rules/evidence.yml", "lead_output_wan_yuan: 100000", "lead_output_wan_yuan: 90000")],
        below(
            "chain.node_metrics", "chain.chain_metrics", "chain.node_metrics_month", "chain.chain_metrics_month",
        ),
    ),
    "a weight of evidence, and a decision of people": (
        [
            ("jobs/chain/rules/evidence.yml", "weight: 0.45", "weight: 0.46"),
            (
                "jobs/chain/rules/overrides.yml",
                "overrides: []",
                "overrides: [{uscc: A, positions: {OUT: 100}, from_year: 2023, reason: r, document: d}]",
            ),
        ],
        below("chain.node_enterprise"),
    ),
    "a threshold of states, a target, a tag, a weight of the evaluation": (
        [
            ("jobs/chain/rules/state_rules.yml", "proven_count, lt: 3}", "proven_count, lt: 4}"),
            ("jobs/chain/rules/targets.yml", "target_wan_yuan: 200000000", "target_wan_yuan: 200000001"),
            ("jobs/profile/rules/tags.yml", "{field: age_years, lt: 3}", "{field: age_years, lt: 4}"),
            ("jobs/profile/rules/evaluation.yml", "{least: 10", "{least: 11"),
        ],
        {
            "chain.gap", "chain.target_progress", "profile.enterprise_tag", "profile.enterprise_tag_month",
            "profile.comprehensive_score", "profile.comprehensive_score_month",
        },
    ),
    "the title of a node": (
        [("schemas/chains/XTCX.yml", "en: Rare-earth metals}", "en: Metals of rare earths}")],
        below("chain.node"),
    ),
    "an edge of a chain": (
        [("schemas/chains/XTCX.yml", "XTCX-U02, cost_share_pct: 62", "XTCX-U02, cost_share_pct: 61")],
        below(*WITH_MODELS),
    ),
    "a rule set": (
        [("jobs/per_mu/rules/rule_sets/ningbo-cixi.yml", "large_land_mu: 3", "large_land_mu: 4")],
        below(*PER_MU),
    ),
    "what an indicator divides by": (
        [("jobs/per_mu/rules/indicators.yml", "denominator_divisor: 10000", "denominator_divisor: 1000")],
        below(*PER_MU),
    ),
    "a weight of a list of parcels, a threshold of buildings": (
        [
            ("jobs/per_mu/rules/object_scope.yml", "least_floors: 3", "least_floors: 4"),
            ("jobs/per_mu/rules/object_rule_sets/ningbo-objects.yml", "B1: {weight: 50", "B1: {weight: 50.0"),
        ],
        below("per_mu.object_unit"),
    ),
    "what an indicator of objects divides by": (
        [("jobs/per_mu/rules/object_indicators.yml", "denominator_divisor: 10000", "denominator_divisor: 1000")],
        below(*PER_MU),
    ),
    "a planned day of the procedure": (
        [("jobs/per_mu/rules/procedure.yml", 'planned: "04-30"', 'planned: "04-29"')],
        below("per_mu.objection", "per_mu.procedure"),
    ),
    "the rate of a measure": (
        [("jobs/resource/rules/consequences.yml", "{grade: D, rate: 0.3}", "{grade: D, rate: 0.2}")],
        below(*made_by("consequence_rules")),
    ),
    "a threshold of low efficiency": (
        [("jobs/resource/rules/efficiency.yml", "aim_per_year: 500", "aim_per_year: 501")],
        below(*made_by("efficiency_rules")),
    ),
    "what a contract may promise": (
        [("jobs/resource/rules/promises.yml", "rd: {most: 50}", "rd: {most: 51}")],
        below(*made_by("promise_rules")),
    ),
    "what stays with a district": (
        [("jobs/resource/rules/quotas.yml", "reserve_share_pct: 5", "reserve_share_pct: 6")],
        below(*made_by("quota_rules")),
    ),
    "what land can carry": (
        [("jobs/per_mu/rules/land_limits.yml", "floor_m2_per_person: 8", "floor_m2_per_person: 9")],
        below(*PER_MU),
    ),
    # contracts
    "a column more of a table": (
        [("schemas/core/parcel.yml", "  certificate_code:\n", "  certificate_code:\n  ipc_code:\n")],
        below("core.parcel"),
    ),
    "a column of a feed": (
        [("schemas/raw/gov_patent.yml", "  ipc_code:\n", "  ipc_code: {required: true}\n")],
        below("core.enterprise_year", "chain.node_enterprise"),
    ),
    "a column of a feed whose columns a constant names": (
        [
            ("schemas/raw/gov_statistics_annual.yml", "source:\n", "  hs_code:\nsource:\n"),
            ("schemas/raw/gov_statistics_annual.yml", "  mapping:\n", "  mapping:\n    hs_code: {heading: hs}\n"),
        ],
        below("core.enterprise_year"),
    ),
    # code
    "a helper": (
        [("jobs/columns/values.py", PRESENT, PRESENT.replace("texts", "texts[:9]"))],
        below(
            "core.enterprise", "core.enterprise_year", "core.parcel", "core.parcel_use", "chain.node_enterprise",
            "chain.gap", "chain.local_supplier", "per_mu.population", "per_mu.enterprise_grade",
            "profile.enterprise_profile", "profile.comprehensive_score",
            "bulletin.city_total", "bulletin.district_total", "bulletin.division_total",
            "core.building", "core.service_complex",
        ),
    ),
    "a constant": (
        [("jobs/core/steps/following.py", "LONGEST = 16", "LONGEST = 8 + 9")],
        below("core.succession", "core.enterprise_identifier", "core.consent"),
    ),
    "a method of rules": (
        [("jobs/per_mu/rules/book.py", "if d == CITY]", "if d == CITY or not y]")],
        below("per_mu.unit", "per_mu.city_rank", "per_mu.object_unit"),
    ),
    "inputs that change places": (
        [
            (IDENTIFIERS, '"accounts": Input("raw.gov_electricity"', '"accounts": Input("?"'),
            (IDENTIFIERS, '"parcels": Input("raw.gov_land_parcel"', '"parcels": Input("raw.gov_electricity"'),
            (IDENTIFIERS, 'Input("?"', 'Input("raw.gov_land_parcel"'),
        ],
        below("core.enterprise_identifier"),
    ),
    "how current rows are chosen": (
        [("pipeline/inputs.py", 'F.col("source_row")]', '-F.col("source_row")]')],
        ALL,
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_makes_exactly_its_dependants_stale(edited: Edited, plain: Found, change: str) -> None:
    edits, expected = CHANGES[change]
    assert set(stale(plain[0], edited(*edits)[0])) == expected


def test_what_is_below_some_tables() -> None:
    """The closure used above, compared with one that was found by reading."""
    assert below("chain.node") == {"chain.node", "chain.gap"}
    assert below("core.parcel") == {
        "core.parcel", "core.parcel_use", "core.enterprise_year", "core.consent_state", *PER_MU, *RESOURCE,
        "chain.local_supplier",
        "chain.node_metrics", "chain.chain_metrics", "chain.gap", "chain.target_progress",
        "chain.node_metrics_month", "chain.chain_metrics_month", "profile.enterprise_profile_month",
        "profile.enterprise_tag_month", "profile.comprehensive_score_month",
        "profile.enterprise_profile", "profile.enterprise_tag", "profile.comprehensive_score",
        "bulletin.city_total", "bulletin.district_total", "bulletin.division_total", "bulletin.grade_list",
    }  # fmt: skip


def test_policy_of_a_year_makes_periods_from_that_year_on_stale(edited: Edited, plain: Found) -> None:
    decision = "overrides: [{uscc: A, positions: {OUT: 100}, from_year: 2024, reason: r, document: d}]"
    changed = stale(plain[0], edited(("jobs/chain/rules/overrides.yml", "overrides: []", decision))[0])
    assert changed["chain.node_enterprise"] == ["2024"]
    assert {p for periods in changed.values() for p in periods} == {"2024", "2024-12"}
    # its end changes nothing in the years in which it holds
    ending = decision.replace("from_year: 2024", "from_year: 2023, to_year: 2024")
    open_ended = edited(
        ("jobs/chain/rules/overrides.yml", "overrides: []", decision.replace("2024", "2023"))
    )[0]
    assert stale(open_ended, edited(("jobs/chain/rules/overrides.yml", "overrides: []", ending))[0]) == {}


# --- mappings --------------------------------------------------------------------------------------------


def test_a_factor_changes_the_mapping_of_the_feeds_that_use_it(edited: Edited, plain: Found) -> None:
    edits: list[Edit] = [("schemas/units.yml", "千克: {吨: 0.001}", "千克: {吨: 0.002}")]
    tables, mappings = edited(
        *edits, ("schemas/units.yml", "吉瓦时: {千瓦时: 1000000}", "吉瓦时: {千瓦时: 1}")
    )
    assert {feed for feed in mappings if mappings[feed] != plain[1][feed]} == {"gov_customs", "gov_emission"}
    # existing rows stay as they are until their deliveries are mapped again
    assert stale(plain[0], tables) == {}
    before, after = (edited(*some, is_mapped_anew=True)[0] for some in ([], edits))
    assert set(stale(before, after)) == below("core.enterprise_year", "core.enterprise_month")


def test_what_validates_records_changes_their_mapping(edited: Edited, plain: Found) -> None:
    _, mappings = edited(
        ("schemas/codes/patent_kind.csv", "", "plant,植物新品种,Plant variety\n"),
        ("schemas/codes/trade_side.csv", "zh", "zh"),
        ("schemas/raw/gov_emission.yml", "  cod_t:", "  cod_t: {domain: {max: 7}}  #"),
    )
    assert {feed for feed in mappings if mappings[feed] != plain[1][feed]} == {"gov_patent", "gov_emission"}
