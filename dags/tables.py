"""全部数据表 All tables: makes what is stale in the whole graph in one call, so that tables of all areas overlap.

It runs when a feed's table or the quarantine has changed. The log has one group for each table that was made: why it
was stale, its periods, rows and seconds. The same stands in the result of the task and in `logs/run.json`.
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

# Events name the period that changed (the asset's partition), and the consumer asks the graph what is stale, whatever
# the period: so all events are mapped to one partition. The scheduler gathers the events that come while no run has
# been made of them into one run, and makes another one of those that come later, which waits for the first
# (max_active_runs): no change is missed, and a run that finds nothing stale writes nothing. A plain schedule of assets
# would not do: Airflow 3.3 queues nobody but partitioned consumers for an event with a partition.
with DAG(
    "tables",
    dag_display_name="全部数据表 All tables",
    description="更新过期的表 Make what feeds, code or rules made stale",
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
            description="只做这些主题或表及其所需；留空为全部 Only these areas or tables, with what they need",
        ),
        "period": Param(
            None,
            type=["null", "string"],
            pattern=f"^({PATTERNS[4]}|{PATTERNS[7]})$",
            title="期别 Period",
            description="只做一个期别，如 2023 或 2024-03；留空为全部过期期别 Only this period",
        ),
        "full": Param(
            False,
            type="boolean",
            title="全量 Full",
            description="不论是否过期全部重做 Make every period anew, stale or not",
        ),
    },
    doc_md=f"## 全部数据表 All tables\n\n{__doc__}\n\n### 产出 Makes\n\n{tables_md(TABLES)}\n\n"
    f"### 输入 Made from\n\n{tables_md(given_tables())}\n",
):
    # the embedded Airflow runs one task at a time: what came goes before this, and this before a release
    @task(
        task_display_name="更新 Update",
        outlets=[asset(name) for name in TABLES],
        priority_weight=1000,
        weight_rule="absolute",
    )
    def run() -> dict[str, object]:
        return make_tables(get_current_context())

    run()
