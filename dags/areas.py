"""One DAG for each area of the job graph: it runs when any of its inputs changed, and makes what is stale."""

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
from dag_tasks import STALE, TASK_DEFAULTS, asset, run_area
from declared_jobs import areas, inputs_of, tables_of

# Events name the period that changed (the asset's partition), and a consumer asks the graph what is stale, whatever
# the period: so all events are mapped to one partition. The scheduler gathers the events that come while no run has
# been made of them into one run, and makes another one of those that come later, which waits for the first
# (max_active_runs): no change is missed, and a run that finds nothing stale writes nothing. A plain schedule of assets
# would not do: Airflow 3.3 queues nobody but partitioned consumers for an event with a partition.
for place, area in enumerate(areas()):
    with DAG(
        area,
        dag_display_name=f"{area} 更新 Update",
        description="更新过期的表 Make what its inputs made stale",
        schedule=PartitionedAssetTimetable(
            assets=AssetAny(*(asset(name) for name in inputs_of(area))),
            default_partition_mapper=FixedKeyMapper(STALE),
        ),
        catchup=False,
        max_active_runs=1,
        default_args=TASK_DEFAULTS,
        tags=["area", area],
        params={
            "period": Param(
                None,
                type=["null", "string"],
                pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2]))?$",
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
        doc_md=f"## {area}\n\n{__doc__}\n\n### 产出 Makes\n\n{tables_md(tables_of(area))}\n\n"
        f"### 输入 Made from\n\n{tables_md(inputs_of(area))}\n",
    ):
        # the embedded Airflow runs one task at a time: inputs' areas go before those that need them
        @task(
            task_id="run",
            task_display_name="更新 Update",
            outlets=[asset(name) for name in tables_of(area)],
            priority_weight=1000 - place,
            weight_rule="absolute",
        )
        def run(area: str) -> dict[str, object]:
            return run_area(area, get_current_context())

        run(area)
