"""全部数据表 All tables: rebuilds all stale periods of the graph in one call, so that tables of all areas overlap.

It runs when a feed's table or the quarantine has changed. The log has one group for each rebuilt table: why it was
stale, its periods, rows and seconds. The task's result and `logs/run.json` have the same.
"""

from __future__ import annotations

from airflow.sdk import (
    DAG,
    AssetAny,
    FixedKeyMapper,
    Param,
    PartitionedAssetTimetable,
    get_current_context,
    task,
)
from dag_docs import tables_md
from dag_tasks import STALE, TASK_DEFAULTS, asset, make_tables
from declared_jobs import areas, declared_inputs, given_tables

from schemas.periods import PATTERNS

TABLES = list(declared_inputs())
NAMES = [*areas(), *TABLES]

# Events name the changed period (the asset's partition), but the consumer asks the graph what is stale, whatever the
# period. All events are therefore mapped to one partition. The scheduler collects the events that come while no run has
# been created from them into one run. Later events make another run, which waits for the first (max_active_runs). So no
# change is missed, and a run without stale periods writes nothing. A plain schedule of assets does not work: for an
# event with a partition Airflow 3.3 queues partitioned consumers only.
with DAG(
    "tables",
    dag_display_name="全部数据表 All tables",
    description="更新过期的表 Rebuild periods whose inputs, code or rules changed",
    schedule=PartitionedAssetTimetable(
        assets=AssetAny(*(asset(name) for name in given_tables())),
        default_partition_mapper=FixedKeyMapper(STALE),
    ),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    tags=["area"],
    params={
        "only": Param(
            [],
            type="array",
            items={"type": "string", "enum": NAMES},
            examples=NAMES,
            title="范围 Only",
            description="只更新这些主题或表及其上游；留空为全部 Only these areas or tables, with their inputs",
        ),
        "period": Param(
            None,
            type=["null", "string"],
            pattern=f"^({PATTERNS[4]}|{PATTERNS[7]})$",
            title="期别 Period",
            description="只更新一个期别，如 2023 或 2024-03；留空为全部过期期别 Only this period",
        ),
        "full": Param(
            False,
            type="boolean",
            title="全量 Full",
            description="无论是否过期，全部重算 Rebuild every period, stale or not",
        ),
    },
    doc_md=f"## 全部数据表 All tables\n\n{__doc__}\n\n### 产出 Outputs\n\n{tables_md(TABLES)}\n\n"
    f"### 输入 Inputs\n\n{tables_md(given_tables())}\n",
):
    # the embedded Airflow runs one task at a time: ingestion first, then this, then a release
    @task(
        task_display_name="更新 Update",
        outlets=[asset(name) for name in TABLES],
        priority_weight=1000,
        weight_rule="absolute",
    )
    def run() -> dict[str, object]:
        return make_tables(get_current_context())

    run()
