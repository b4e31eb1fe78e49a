"""发布 Publish: the gate checks all curated tables together; a release has all of them or does not exist."""

from __future__ import annotations

from airflow.sdk import DAG, AssetAny, FixedKeyMapper, PartitionedAssetTimetable, get_current_context, task
from dag_docs import tables_md
from dag_tasks import RELEASE, STALE, TASK_DEFAULTS, asset, publish_release
from declared_jobs import declared_inputs

TABLES = list(declared_inputs())

with DAG(
    "publish",
    dag_display_name="发布 Publish",
    description="质量闸门与版本发布 Gate and release",
    schedule=PartitionedAssetTimetable(
        assets=AssetAny(*(asset(name) for name in TABLES)),
        default_partition_mapper=FixedKeyMapper(STALE),
    ),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    tags=["publish"],
    doc_md=f"## 发布 Publish\n\n{__doc__}\n\n{tables_md(TABLES)}\n",
):
    # lowest priority: any other waiting task may still change a table
    @task(task_display_name="发布 Publish", outlets=[RELEASE], priority_weight=1, weight_rule="absolute")
    def publish() -> dict[str, object]:
        return publish_release(get_current_context())

    publish()
