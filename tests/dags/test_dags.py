"""The DAGs: their definitions, the cost of loading them, and runs of all in one process on a tiny city."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from demo_city.city import CitySpec, generate
from ingest.register.deliveries import DELIVERY, QUARANTINE
from ingest.ways import database
from ingest.ways.connections import connection_from_environment
from pipeline.fingerprint import stored_fingerprints
from pipeline.publish import GateFailed
from pipeline.registry import registry
from pipeline.run_record import RunReport, TableRun
from portal.services import in_process, orchestration
from schemas.contract import Feed, code_list, contract, feeds, parse_contract
from schemas.errors import RejectedError, UserError
from tests.built_city import redeliver
from warehouse import releases, tables
from warehouse.settings import CHECKOUT, Settings, settings

DAGS = CHECKOUT / "dags"
CORE = {
    "core.consent", "core.consent_state", "core.enterprise", "core.enterprise_event", "core.enterprise_identifier",
    "core.enterprise_month",
    "core.enterprise_year", "core.group_member", "core.identity_event", "core.identity_review", "core.parcel",
    "core.building", "core.park", "core.parcel_use", "core.service_complex", "core.service_firm", "core.succession",
    "core.zone",
}  # fmt: skip
CHAIN = {
    "chain.chain_metrics", "chain.gap", "chain.local_supplier", "chain.node", "chain.node_enterprise",
    "chain.node_metrics", "chain.supply_flow", "chain.target_progress", "chain.trade",
    "chain.chain_metrics_month", "chain.node_metrics_month",
}  # fmt: skip
PROFILE = {
    "profile.comprehensive_score", "profile.comprehensive_score_month", "profile.enterprise_profile",
    "profile.enterprise_profile_month", "profile.enterprise_tag", "profile.enterprise_tag_month",
}  # fmt: skip
#: Tables of months or trades, which do not exist before 2024.
LATER = {
    "core.enterprise_month", "chain.trade", "chain.supply_flow",
    *(name for name in CHAIN | PROFILE if name.endswith("_month")),
}  # fmt: skip
PER_MU = {
    "per_mu.adjustment", "per_mu.baseline", "per_mu.city_rank", "per_mu.district_summary",
    "per_mu.enterprise_grade", "per_mu.indicator_value", "per_mu.land_review", "per_mu.population", "per_mu.unit",
    "per_mu.confirmation", "per_mu.objection", "per_mu.procedure", "per_mu.publication",
    "per_mu.object_baseline", "per_mu.object_grade", "per_mu.object_indicator_value", "per_mu.object_unit",
    "per_mu.group_score", "per_mu.parcel_figure",
}  # fmt: skip
BULLETIN = {
    "bulletin.city_total", "bulletin.district_total", "bulletin.division_total", "bulletin.grade_list",
}  # fmt: skip
AREAS = ["bulletin", "chain", "core", "per_mu", "profile", "resource"]
RESOURCE = {
    "resource.consequence", "resource.consequence_city", "resource.consequence_correction",
    "resource.consequence_district", "resource.land_potential", "resource.land_potential_district",
    "resource.land_promise", "resource.lifted", "resource.low_efficiency", "resource.low_efficiency_district",
    "resource.carbon_code", "resource.emission_ledger", "resource.emission_right", "resource.emission_transfer",
    "resource.energy_allocation", "resource.energy_ledger", "resource.energy_quota",
    "resource.energy_quota_district", "resource.energy_transfer", "resource.power_price_month",
}  # fmt: skip
CURATED = CORE | PER_MU | CHAIN | PROFILE | BULLETIN | RESOURCE
YEARS = ["2022", "2023"]
#: DAG of each group with a connected feed → the group's feeds.
GROUPS = {
    "ingest_credit": ["gov_credit", "gov_penalty"],
    "ingest_devices": ["ent_equipment_status", "ent_meter_reading"],
    "ingest_energy": ["gov_electricity", "gov_energy", "gov_energy_quota_transfer", "gov_water"],
    "ingest_enterprise_reports": [
        "ent_consent",
        "ent_monthly_report",
        "ent_need",
        "ent_objection",
        "ent_pmi",
    ],
    "ingest_environment": [
        "gov_discharge_permit",
        "gov_emission",
        "gov_emission_right",
        "gov_emission_right_transfer",
    ],
    "ingest_evaluation": [
        "ent_confirmation",
        "gov_enterprise_visit",
        "gov_evaluation_step",
        "gov_grade_adjustment",
        "gov_grade_publication",
        "gov_objection_decision",
    ],
    "ingest_innovation": ["gov_honour", "gov_patent"],
    "ingest_land": [
        "gov_building",
        "gov_land_contract",
        "gov_land_parcel",
        "gov_land_survey",
        "gov_park",
        "gov_park_assessment",
        "gov_zone",
    ],
    "ingest_market": ["ent_product", "ent_trade", "gov_customs"],
    "ingest_people": ["gov_social_insurance"],
    "ingest_projects": ["gov_grant", "gov_policy", "gov_project"],
    "ingest_registry": ["gov_business_registry", "gov_identity_change"],
    "ingest_services": ["gov_service_annual", "gov_service_complex"],
    "ingest_statistics": [
        "gov_industry_mark",
        "gov_statistics_annual",
        "gov_statistics_directory",
        "gov_statistics_monthly",
    ],
    "ingest_tax": ["gov_tax", "gov_tax_excluded"],
}
#: Feeds that a job reads; nothing listens to the others.
READ = {
    "raw.ent_confirmation", "raw.ent_consent", "raw.ent_monthly_report", "raw.ent_objection",
    "raw.gov_enterprise_visit",
    "raw.gov_evaluation_step", "raw.gov_grade_adjustment", "raw.gov_grade_publication", "raw.gov_objection_decision",
    "raw.gov_business_registry", "raw.gov_credit", "raw.gov_customs",
    "raw.gov_electricity", "raw.gov_emission", "raw.gov_emission_right", "raw.gov_emission_right_transfer",
    "raw.gov_energy", "raw.gov_energy_quota_transfer", "raw.gov_honour", "raw.gov_identity_change",
    "raw.gov_building", "raw.gov_land_contract", "raw.gov_land_parcel", "raw.gov_land_survey", "raw.gov_patent",
    "raw.gov_penalty",
    "raw.gov_social_insurance", "raw.gov_statistics_annual", "raw.gov_statistics_directory",
    "raw.gov_statistics_monthly", "raw.gov_tax", "raw.gov_tax_excluded", "raw.gov_water", "raw.gov_zone",
    "raw.gov_discharge_permit",
    "raw.gov_park", "raw.gov_park_assessment", "raw.gov_project", "raw.gov_service_annual",
    "raw.gov_service_complex",
}  # fmt: skip
#: Input tables that no job computes.
GIVEN = READ | {"raw.ent_product", "raw.ent_trade", QUARANTINE}
#: Tables that depend on a parcel's area; its certificate is an identifier. Trades do not exist before 2024.
FROM_PARCEL = (
    {
        "core.parcel",
        "core.parcel_use",
        "core.enterprise_year",
        "core.consent_state",
        "core.enterprise_identifier",
        "core.identity_review",
    }
    | PER_MU
    | BULLETIN
    | RESOURCE
    | CHAIN - {"chain.node", "chain.node_enterprise"} - LATER
    | PROFILE - LATER
)


# --- definitions ---------------------------------------------------------------------------------------


def test_exactly_these_dags_exist(dags: dict[str, Any]) -> None:
    assert set(dags) == {*GROUPS, "feeds_expected", "tables", "publish", "procedure"}
    assert {d: {t.task_id for t in dag.tasks} for d, dag in dags.items()} == {
        **{name: {"wait", "take_in", "rejected_files"} for name in GROUPS},
        "feeds_expected": {"check"},
        "tables": {"run"},
        "publish": {"publish"},
        "procedure": set(code_list("evaluation_step")),
    }
    assert {d: set(dag.tags) for d, dag in dags.items()} == {
        **{name: {"ingest", "raw", name.removeprefix("ingest_")} for name in GROUPS},
        "feeds_expected": {"ingest", "alert"},
        "tables": {"area"},
        "publish": {"publish"},
        "procedure": {"procedure"},
    }
    assert dags["tables"].dag_display_name == "全部数据表 All tables"
    assert {d: (dag.max_active_runs, dag.catchup) for d, dag in dags.items()} == {
        d: (100 if d == "procedure" else 1, False) for d in dags
    }


def test_a_dag_file_that_cannot_be_loaded_is_named_in_one_line(
    airflow_home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text("from airflow.sdk import DAG\nimport no_such_thing\n")
    monkeypatch.setattr(in_process, "DAGS", tmp_path)
    with pytest.raises(RejectedError, match=r"^broken\.py is no DAG file: .*no_such_thing") as refused:
        in_process.read_dags()
    assert "\n" not in str(refused.value)


def test_loading_the_dags_loads_neither_spark_nor_the_gate_nor_a_job(airflow_home: Settings) -> None:
    code = (
        "import json, sys, time\n"
        "from airflow.dag_processing.dagbag import BundleDagBag\n"
        "since = time.perf_counter()\n"
        f"bag = BundleDagBag(dag_folder={str(DAGS)!r}, bundle_path={str(DAGS)!r}, bundle_name='dags-folder')\n"
        "seconds = time.perf_counter() - since\n"
        "heavy = ('pyspark', 'great_expectations', 'duckdb', 'deltalake', 'pandas', 'pipeline.registry')\n"
        "print(json.dumps([len(bag.dags), [m for m in heavy if m in sys.modules], seconds]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    number, heavy, seconds = json.loads(done.stdout.strip().splitlines()[-1])
    assert (number, heavy) == (len(GROUPS) + 4, [])
    assert seconds < 5  # 0.3 s where nothing else runs


def test_inputs_parsed_from_source_equal_those_of_the_job_graph(airflow_home: Settings) -> None:
    code = (
        "import json, sys\n"
        f"sys.path.insert(0, {str(DAGS)!r})\n"
        "import declared_jobs as d\n"
        "print(json.dumps([dict(d.declared_inputs()), d.areas(), d.given_tables()]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    inputs, areas, given = json.loads(done.stdout)
    declared = {name: [i.table for i in job.inputs.values()] for name, job in registry().items()}
    assert inputs == declared
    assert areas == AREAS
    assert given == sorted({i for tables_ in declared.values() for i in tables_} - set(declared))


def test_a_job_whose_inputs_cannot_be_read_from_the_source_is_refused(
    airflow_home: Settings, tmp_path: Path
) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "odd.py").write_text("JOB = Job('core.odd', inputs=dict(a=Input(NAME)))\n")
    code = (
        "import sys\nfrom pathlib import Path\n"
        f"sys.path.insert(0, {str(DAGS)!r})\n"
        f"import declared_jobs as d\nd.declared_inputs(Path({str(tmp_path)!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd="/")
    assert "core/odd.py: write the inputs of JOB as a literal" in done.stderr.splitlines()[-1]


def test_each_task_announces_its_tables_and_each_dag_listens_to_its_inputs(dags: dict[str, Any]) -> None:
    outlets = {d: {o.name for t in dag.tasks for o in t.outlets} for d, dag in dags.items()}
    assert outlets == {
        **{d: {f"raw.{name}" for name in names} | {QUARANTINE} for d, names in GROUPS.items()},
        "feeds_expected": set(),
        "tables": CURATED,
        "publish": {"release"},
        "procedure": set(),
    }
    connected = {spec.table for spec in feeds().values() if spec.source.is_connected}
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(connected)
    listens = {d: {a.name for a in dags[d].timetable.asset_condition.objects} for d in ("tables", "publish")}
    assert listens == {"tables": GIVEN, "publish": CURATED}
    assert {o.uri for o in dags["tables"].tasks[0].outlets} >= {"brain://per_mu/enterprise_grade"}


def test_inputs_run_before_tables_and_the_release_runs_last(dags: dict[str, Any]) -> None:
    weight = {d: min(t.priority_weight for t in dag.tasks if t.task_id != "wait") for d, dag in dags.items()}
    order = [min(weight[d] for d in GROUPS), weight["tables"], weight["publish"]]
    assert order == sorted(set(order), reverse=True)
    assert list(in_process.order(dags)) == [*GROUPS, "tables", "publish"]
    first, *others = list(GROUPS)
    arrived = [others.pop().removeprefix("ingest_"), first.removeprefix("ingest_")]
    named = [f"ingest_{group}" for group in arrived]
    assert list(in_process.order(dags, iter(arrived))) == [*named, *others, "tables", "publish"]


def test_a_group_waits_ingests_and_reports_rejected_files_one_run_after_another(
    dags: dict[str, Any],
) -> None:
    for name in GROUPS:
        dag = dags[name]
        steps = {t.task_id: t.upstream_task_ids for t in dag.tasks}
        assert steps == {"wait": set(), "take_in": {"wait"}, "rejected_files": {"take_in"}}
        assert dag.schedule == "@continuous"
        # the first run's interval must not be empty, else the second run counts as the same run
        assert dag.start_date is not None and dag.start_date.year < 2026


def test_a_feed_of_an_installation_gets_a_dag_too(airflow_home: Settings, tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "raw").mkdir(parents=True)
    given = (CHECKOUT / "schemas" / "raw" / "gov_water.yml").read_text(encoding="utf-8")
    (own / "raw" / "own_water.yml").write_text(given.replace("  group: energy\n", ""), encoding="utf-8")
    (own / "raw" / "own_gas.yml").write_text(given.replace("group: energy", "group: gas"), encoding="utf-8")
    code = (
        "from portal.services import health, in_process\n"
        "dags = in_process.read_dags().dags\n"
        "assert set(dags) == health.expected_dags()\n"
        "print(sorted(n for n in dags if n.startswith('ingest_')), dags['ingest_other'].dag_display_name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CHECKOUT,
        env={**os.environ, "BRAIN_SCHEMAS": str(own)},
    )  # fmt: skip
    expected = sorted([*GROUPS, "ingest_gas", "ingest_other"])
    assert done.stdout.splitlines()[-1] == f"{expected} 数据接入 Ingest · 其他 other"


def test_a_group_whose_name_suits_no_dag_is_refused() -> None:
    raw = yaml.safe_load((CHECKOUT / "schemas" / "raw" / "gov_tax.yml").read_text(encoding="utf-8"))
    assert isinstance(parse_contract("raw", "gov_tax", raw), Feed)
    for group in ("Tax", "税务", "tax office"):
        raw["source"]["group"] = group
        with pytest.raises(UserError, match=r"^schemas/raw/gov_tax\.yml: source\.group: "):
            parse_contract("raw", "gov_tax", raw)


def test_an_answer_in_airflow_passes_the_checks_of_the_pages(
    dags: dict[str, Any], built_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer as Airflow hands it over after the wait; asking again is only counted."""
    from portal.access.viewer import Viewer
    from portal.accounts import audit, store
    from portal.procedure.facts import standing

    steps = dags["procedure"].tasks
    assert [task.task_id for task in steps] == list(code_list("evaluation_step"))
    assert [task.upstream_task_ids for task in steps[1:]] == [{task.task_id} for task in steps[:-1]]
    first, second = steps[:2]
    asked: list[str] = []
    for task in (first, second):
        monkeypatch.setattr(task, "execute", lambda _, name=task.task_id: asked.append(name))
    store.create(Viewer("clerk", "district", "330282"), by=audit.PLATFORM)
    context = {"params": {"district": "330282", "year": "2024"}}  # nobody has decided anything of this year

    def answer(task: Any, name: str, **fields: Any) -> None:
        event = {
            "chosen_options": [task.options[0]], "params_input": fields, "responded_at": datetime.now(UTC),
            "responded_by_user": {"id": name, "name": name},
        }  # fmt: skip
        task.execute_complete(context, event)

    answer(second, "clerk", document="1号", days=5)  # not its turn
    answer(first, "nobody", document="1号")
    assert asked == ["land_publicity", "list_fixed"]
    answer(first, "clerk", document="1号")
    answer(first, "clerk", document="1号")  # decided: the task ends
    assert asked == ["land_publicity", "list_fixed"]
    done = standing("330282", "2024").step("list_fixed")
    assert done and done["decider_account"] == "clerk"


def test_feeds_are_checked_once_a_day(dags: dict[str, Any]) -> None:
    assert dags["feeds_expected"].schedule == "0 1 * * *"


def test_a_lost_engine_is_retried_and_a_refusal_is_final(
    dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    retries = {f"{d}.{t.task_id}": t.retries for d, dag in dags.items() for t in dag.tasks}
    assert retries == {
        **{f"{d}.{task}": n for d in GROUPS for task, n in (("wait", 2), ("take_in", 2), ("rejected_files", 0))},
        "feeds_expected.check": 0, "publish.publish": 2, "tables.run": 2,
        **{f"procedure.{code}": 2 for code in code_list("evaluation_step")},
    }  # fmt: skip
    assert dags["tables"].tasks[0].retry_delay == timedelta(seconds=20)

    make = _globals(dags["tables"].tasks[0])["make_tables"]
    monkeypatch.setattr(_tasks(dags), "_is_on_its_way", lambda _: True)
    context = {"params": {"only": [], "full": False, "period": None}}
    for raised, becomes in ((RejectedError("no data"), AirflowFailException), (OSError("gone"), OSError)):

        def refuse(*_: Any, error: Exception = raised, **__: Any) -> None:
            raise error

        monkeypatch.setattr("pipeline.run.run_tables", refuse)
        with pytest.raises(becomes, match=str(raised)):
            make(context)


def test_documentation_names_title_owner_and_legal_basis_of_every_table(dags: dict[str, Any]) -> None:
    shown = {
        **{d: {f"raw.{name}" for name in names} for d, names in GROUPS.items()},
        "feeds_expected": {f"raw.{name}" for names in GROUPS.values() for name in names},
        "tables": CURATED | GIVEN - {QUARANTINE},
        "publish": CURATED,
    }
    for name, expected in shown.items():
        rows = {line.split("`")[1]: line for line in dags[name].doc_md.splitlines() if line.startswith("| `")}
        assert set(rows) >= expected, name
        for table in expected:
            spec = contract(table)
            assert all(text in rows[table] for text in (spec.title.zh, spec.title.en, spec.owner, spec.grain))
            assert spec.legal_source in rows[table] and "legal basis" in dags[name].doc_md
    for name, names in GROUPS.items():
        assert re.fullmatch(r"数据接入 Ingest · [\u4e00-\u9fff]+ [a-z ]+", dags[name].dag_display_name)
        head, *lines = [line for line in dags[name].doc_md.splitlines() if line.startswith("| ")]
        assert head.endswith(
            "| 责任单位 owner | 法律依据 legal basis | 频率 cadence | 允许延迟（天） days late |"
        )
        for feed_name, row in zip(names, lines, strict=True):
            source = feeds()[feed_name].source
            basis, cadence, late = (cell.strip() for cell in row.split("|")[-4:-1])
            assert re.fullmatch(r"[\u4e00-\u9fff]+ [a-z ]+（.+）", basis), row
            assert re.fullmatch(rf"[\u4e00-\u9fff]+ {source.cadence.replace('_then_', ', then ')}", cadence)
            assert late == str(source.lateness_days)
    power = next(
        line for line in dags["ingest_energy"].doc_md.splitlines() if "`raw.gov_electricity`" in line
    )
    assert "国网宁波供电公司" in power and "行政管理 administration（浙政办发〔2019〕62号）" in power
    assert "| 先年后月 yearly, then monthly | 10 |" in power


@pytest.mark.parametrize(
    ("dag", "param", "good", "bad"),
    [
        ("tables", "period", ["2023", "2024-03", None], ["2024-13", "24", "2023-3", "2023; DROP", 2023]),
        ("tables", "full", [True, False], ["yes", None]),
        (
            "tables",
            "only",
            [[], ["core"], ["per_mu", "chain.gap"]],
            [["raw"], ["core.nothing"], "core", None, [None]],
        ),
        ("ingest_tax", "feed", ["gov_tax", None], ["tax", "../gov_tax", "", "gov_water"]),
        (
            "ingest_land",
            "period",
            ["2023", "2024-03", "2024-03-31", None],
            ["2024-13", "2024-03-32", "24", "*", "202403", "2024-3", "../../x", 2023],
        ),
        ("ingest_land", "replaces", [True, False], ["yes", None]),
        ("ingest_land", "remap", [True, False], ["yes", None]),
        ("ingest_land", "connection", ["tax_office", None], ["", "a b", "postgres://x"]),
        ("feeds_expected", "today", ["2024-02-29", None], ["2024", "yesterday", 20240229]),
    ],
)
def test_a_malformed_parameter_is_refused_before_a_run_begins(
    dags: dict[str, Any], dag: str, param: str, good: list[Any], bad: list[Any]
) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    allowed = dags[dag].params.get_param(param)
    for value in good:
        assert allowed.resolve(value) == value
    for value in bad:
        with pytest.raises(ParamValidationError):
            allowed.resolve(value)


# --- overdue feeds, and databases --------------------------------------------------------------------------


def _tasks(dags: dict[str, Any]) -> Any:
    """The module of the tasks' functions, as the DAGs import it."""
    return sys.modules[_globals(dags["publish"].tasks[0])["publish_release"].__module__]


def test_a_feed_that_is_overdue_fails_the_check_in_one_line(
    dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from ingest.register import entries

    def check(rows: list[dict[str, Any]], today: str | None) -> dict[str, Any]:
        monkeypatch.setattr(entries, "deliveries", lambda: rows)
        report: dict[str, Any] = _tasks(dags).check_expected({"params": {"today": today}})
        return report

    connected = [name for names in GROUPS.values() for name in names]
    one = {"period": "2023-12-31", "known_at": date_time("2024-01-01"), "sequence": 1}
    rows: list[dict[str, Any]] = [{**one, "feed": name, "delivery_id": name} for name in connected]
    assert check(rows, "2024-01-01") == {"on time": len(feeds())}
    with pytest.raises(AirflowFailException) as failed:
        check([r for r in rows if r["feed"] != "gov_emission"], "2024-01-01")
    assert str(failed.value) == (
        "overdue on 2024-01-01: gov_emission 2022 expected by 2023-03-31 from 宁波市生态环境局, never seen"
    )
    with pytest.raises(
        AirflowFailException, match=r"gov_tax 2024-01 expected by 2024-02-20 .* last seen 2023-12"
    ):
        check(rows, None)


@pytest.mark.parametrize("is_coming", [True, False])
def test_unreleased_tables_are_announced_again_unless_publish_is_queued_or_running(
    dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch, is_coming: bool
) -> None:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    def count(dag_id: str, states: list[str]) -> int:
        assert (dag_id, states) == ("publish", ["queued", "running"])
        return int(is_coming)

    monkeypatch.setattr(RuntimeTaskInstance, "get_dr_count", staticmethod(count))
    monkeypatch.setattr(_tasks(dags), "_unreleased", lambda: {"core.parcel": ["2022", "2023"]})
    asked: list[Any] = []

    def run(names: list[str], **how: Any) -> RunReport:
        asked.append((names, how["full"], how["period"]))
        return RunReport([PARCEL_YEAR], ["core.parcel"])

    monkeypatch.setattr("pipeline.run.run_tables", run)
    report, events = make_tables(dags, only=["core"], period="2023")
    assert asked == [(["core"], False, "2023")]
    expected = {"core.enterprise_year": ({"2023"}, {"rows": 12, "seconds": 2.5, "reason": "new"})}
    again: dict[str, tuple[set[str], dict[str, Any]]] = {"core.parcel": ({"2022", "2023"}, {})}
    assert events == expected | ({} if is_coming else again)
    assert report["tables"] == [PARCEL_YEAR.as_row()] and report["fresh"] == ["core.parcel"]
    assert json.loads(json.dumps(report)) == report


PARCEL_YEAR = TableRun("core.enterprise_year", "new", ["2023"], [], 12, 0.5, 3.0)


def make_tables(
    dags: dict[str, Any], **params: Any
) -> tuple[dict[str, Any], dict[str, tuple[set[str], Any]]]:
    """Run the task outside Airflow; return its result, and table → partitions and extra of its event."""
    events: dict[Any, Any] = defaultdict(_Event)
    context = {
        "params": {"only": [], "full": False, "period": None} | params,
        "task": SimpleNamespace(),
        "outlet_events": events,
    }
    report = _tasks(dags).make_tables(context)
    assert list(context["task"].outlets) == list(events)  # type: ignore[attr-defined]
    return report, {outlet.name: (event.partitions, event.extra) for outlet, event in events.items()}


class _Event:
    def __init__(self) -> None:
        self.partitions: set[str] = set()
        self.extra: dict[str, Any] = {}

    def add_partitions(self, keys: list[str]) -> None:
        self.partitions.update(keys)


def test_the_log_has_a_group_for_each_table_although_two_run_at_a_time(
    dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    both = threading.Barrier(2)

    def make(table: str, how: dict[str, Any], fails: bool) -> None:
        how["progress"]("run", table, 1)
        both.wait(5)
        logging.getLogger("any").info("making %s", table)
        both.wait(5)
        if not fails:
            how["finished"](TableRun(table, "code changed", ["2023"], ["2021"], 1200, 0.0, 1.5))

    def run(names: list[str], **how: Any) -> RunReport:
        logging.getLogger("any").info("before")
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(make, ("core.a", "core.b"), (how, how), (False, True)))
        raise RejectedError("b cannot be made")

    monkeypatch.setattr("pipeline.run.run_tables", run)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [Lines()])
    monkeypatch.setattr(root, "level", logging.INFO)
    logging.getLogger("brain.progress").setLevel(logging.INFO)
    before = root.handlers
    with pytest.raises(Exception, match="b cannot be made"):
        make_tables(dags)
    assert root.handlers is before
    assert lines == [
        "before",
        "::group::core.a: 1,200 rows, 1.5 s",
        "reason: code changed",
        "periods: 2023",
        "removed: 2021",
        "rows: 1200",
        "seconds: 1.500, from 0.000 to 1.500 of the run",
        "run core.a 1",
        "making core.a",
        "::endgroup::",
        "::group::core.b: not finished",
        "run core.b 1",
        "making core.b",
        "::endgroup::",
    ]


def date_time(text: str) -> Any:
    from datetime import datetime

    return datetime.fromisoformat(f"{text}T00:00:00+00:00")


def test_feeds_are_pulled_through_an_airflow_connection(
    dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {
        "conn_type": "postgres", "host": "db.example", "port": 5433, "schema": "tax office", "login": "a reader",
        "password": "p@ss/w%rd?:#", "extra": {"sslmode": "require"},
    }  # fmt: skip
    monkeypatch.setenv("AIRFLOW_CONN_TAX_OFFICE", json.dumps(said))
    pulled: list[Any] = []
    monkeypatch.setattr(database, "pull", lambda *given, **how: pulled.append((*given, how)))
    tasks = _tasks(dags)
    tasks._take_in(["gov_tax"], {"connection": "tax_office", "period": "2024-03", "replaces": False})
    [(names, connection, progress, how)] = pulled
    assert (names, progress, how) == (["gov_tax"], tasks.tell, {"period": "2024-03", "replaces": False})
    assert connection == connection_from_environment("tax_office")
    assert (connection.user, connection.password) == (said["login"], said["password"])
    assert connection.address == "db.example:5433/tax%20office"
    assert connection.options["sslmode"] == "require" and connection.options["dbname"] == "tax office"


def test_a_connection_that_airflow_does_not_have_is_refused_in_one_line(dags: dict[str, Any]) -> None:
    with pytest.raises(RejectedError, match=r"^Airflow has no connection tax_office; add it there"):
        _tasks(dags).database_connection("tax_office")


def _globals(task: Any) -> dict[str, Any]:
    """Globals of a DAG file; dags/ is not a package and not on the path here."""
    return dict(task.python_callable.__globals__)


# --- every DAG in this process -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, engine_remote: str) -> Iterator[Path]:
    """A home with the tiny city's files, on the shared engine."""
    home = tmp_path_factory.mktemp("city") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BRAIN_HOME", str(home))
        patch.setenv("BRAIN_ENGINE_ADDRESS", engine_remote)
        for name, value in orchestration.environment(Settings(home=home)).items():
            patch.setenv(name, value)  # so that they are unset after the module
        settings.cache_clear()
        generate(CitySpec(0.005, 7, (2022, 2023), slips=False), settings().landing, home / "truth")
        orchestration.prepare_airflow()
        _bind_airflow_to_its_database()
        yield home
    settings.cache_clear()


@pytest.fixture(scope="module")
def first_run(city: Path) -> tuple[dict[str, Any], list[tuple[str, str, int]], list[int]]:
    """Run every DAG once: the report of each, the steps of progress, and the releases afterwards."""
    seen: list[tuple[str, str, int]] = []
    reports = in_process.run_dags_in_process(lambda *step: seen.append(step))
    return reports, seen, releases.release_numbers()


@pytest.fixture
def released(city: Path, first_run: object) -> Path:
    """The home with a release, changed by the tests below that send files."""
    return city


def _bind_airflow_to_its_database() -> None:
    """Make Airflow reload its configuration in a process that loaded it for another home."""
    from airflow import settings as airflow_settings

    airflow_settings.dispose_orm()
    airflow_settings.configure_vars()
    airflow_settings.configure_orm()


def versions() -> dict[str, int]:
    """Table → version of every table that a run can write, published ones included."""
    names = [DELIVERY, QUARANTINE, *(spec.name for spec in feeds().values()), *registry()]
    found = {name: tables.version(name) for name in names if tables.exists(name)}
    last = releases.last_release()
    return found | {f"published {n}": t.version for n, t in (last.tables if last else {}).items()}


def changed(before: dict[str, int]) -> set[str]:
    return {name for name, version in versions().items() if before.get(name) != version}


def test_every_dag_reports_its_work_and_a_release_is_published(
    city: Path,
    first_run: tuple[dict[str, Any], list[tuple[str, str, int]], list[int]],
) -> None:
    reports, seen, numbers = first_run
    assert list(reports) == [*GROUPS, "tables", "publish"]
    taken = [reports[name] for name in GROUPS]
    assert sum(r["taken"] for r in taken) == len(tables.rows(DELIVERY)) > 12
    assert sum(r["records_in"] for r in taken) == sum(tables.rows(DELIVERY)["records_in"].to_pylist())
    assert [r["rejected"] for r in taken] == [[]] * len(GROUPS)
    record = reports["tables"]
    assert {t["table"]: t["periods"] for t in record["tables"]} == {
        # energy is handed on from one year to the next, so the first year has none
        name: YEARS[1:] if name == "resource.energy_transfer" else YEARS
        for name in CURATED - LATER
    }
    assert set(record["fresh"]) == LATER and record["failure"] is None
    assert {t["reason"] for t in record["tables"]} == {"new"}
    assert {t["table"]: t["rows"] for t in record["tables"]} == {
        name: tables.rows(name).num_rows for name in CURATED - LATER
    }
    assert json.loads((city / "logs" / "run.json").read_text(encoding="utf-8")) == record
    assert (reports["publish"]["release"], reports["publish"]["is_new"]) == (1, True)
    assert set(reports["publish"]["written"]) == CURATED
    assert numbers == [1]
    assert {stage for stage, _, _ in seen} == {"ingest", "run", "draft", "gate", "publish"}


def test_a_second_run_writes_nothing_and_publishes_nothing(released: Path) -> None:
    before, numbers = versions(), releases.release_numbers()
    reports = in_process.run_dags_in_process()
    assert list(reports) == ["tables", "publish"]  # groups of feeds at rest are skipped
    assert reports["tables"]["tables"] == [] and set(reports["tables"]["fresh"]) == CURATED
    assert reports["publish"] == {"release": numbers[-1], "is_new": False, "written": []}
    assert versions() == before
    assert releases.release_numbers() == numbers


def larger_first_parcel(records: list[dict[str, str]]) -> list[dict[str, str]]:
    area = "宗地面积(平方米)"
    return [{**r, area: f"{float(r[area]) + 50:.2f}"} if n == 0 else r for n, r in enumerate(records)]


@pytest.mark.slow
def test_a_rejected_file_is_one_line_and_the_others_reach_a_release(released: Path) -> None:
    before, numbers = versions(), releases.release_numbers()
    redeliver(released, "gov_land_parcel", "land_parcel_2023.csv", larger_first_parcel)
    bad = released / "landing" / "gov_social_insurance" / "social_insurance_2023.csv.manifest.json"
    wrong = bad.with_name("mangled.csv.manifest.json")
    (bad.parent / "mangled.csv").write_text("参保人数\n1\n", encoding="utf-8")
    entry = json.loads(bad.read_text(encoding="utf-8")) | {"file": "mangled.csv", "sha256": "0" * 64}
    wrong.write_text(json.dumps(entry), encoding="utf-8")
    try:
        with pytest.raises(RejectedError) as refused:
            in_process.run_dags_in_process()
    finally:
        wrong.unlink()
    assert str(refused.value) == (
        "not ingested: gov_social_insurance/mangled.csv: mangled.csv: its checksum is not that of its manifest; "
        "send both again"
    )
    assert releases.release_numbers() == [*numbers, numbers[-1] + 1]
    staged = {name for name in changed(before) if name in registry()}
    assert staged == FROM_PARCEL
    assert changed(before) & {spec.name for spec in feeds().values()} == {"raw.gov_land_parcel"}


def test_unfinished_work_of_an_interrupted_run_is_announced_again(
    released: Path, dags: dict[str, Any]
) -> None:
    tasks = _globals(dags["tables"].tasks[0])["make_tables"].__globals__
    assert tasks["_awaited"]() == {}
    assert tasks["_unreleased"]() == {}
    with pytest.MonkeyPatch.context() as patch:
        # as if a run had ended between the commit of a feed and that of a table that reads it
        known = stored_fingerprints
        patch.setattr(
            "pipeline.fingerprint.stored_fingerprints",
            lambda n, v=None: {} if n == "core.parcel" else known(n, v),
        )
        # a parcel's town may come from the survey
        feeds_of_parcels = ("raw.gov_land_parcel", "raw.gov_land_survey")
        assert tasks["_awaited"]() == {feed: set(YEARS) for feed in feeds_of_parcels}
    with pytest.MonkeyPatch.context() as patch:
        version = tables.version
        patch.setattr(tables, "version", lambda n: version(n) + (n == "core.parcel"))
        assert tasks["_unreleased"]() == {"core.parcel": YEARS}


@pytest.mark.slow
def test_a_failed_gate_is_one_line_and_the_last_release_stays(released: Path) -> None:
    before, numbers = versions(), releases.release_numbers()
    redeliver(released, "gov_tax", "tax_2023.csv", lambda records: records[:40])
    with pytest.raises(GateFailed) as failed:
        in_process.run_dags_in_process()
    line = str(failed.value)
    assert line.startswith("the gate failed, nothing was published: ") and "\n" not in line
    assert line.endswith(f"see {released / 'logs' / 'gate.json'}")
    assert releases.release_numbers() == numbers
    # the tables were rebuilt, the release did not change
    assert changed(before) >= {"core.enterprise_year"} | PER_MU
    assert not {name for name in changed(before) if name.startswith("published ")}
