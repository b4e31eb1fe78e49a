"""数据接入 Ingest: what lies in the landing folder → raw tables and quarantine."""

from __future__ import annotations

from airflow.sdk import DAG, Param, get_current_context, task
from dag_docs import feeds_md
from dag_tasks import TASK_DEFAULTS, asset, ingest_feeds, refuse_rejected

from schemas.contract import feeds

FEEDS = feeds()

with DAG(
    "ingest",
    dag_display_name="数据接入 Ingest",
    description="接收落地目录中的新文件 Take in new files of the landing folder",
    # feeds come monthly or yearly, corrections at any time; looking costs a few seconds and starts no engine
    schedule="*/15 * * * *",
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    tags=["ingest", "raw"],
    params={
        "feed": Param(
            None,
            type=["null", "string"],
            enum=[None, *FEEDS],
            title="数据源 Feed",
            description="只接收一个数据源；留空为全部 Only this feed; all when left out",
        )
    },
    doc_md=f"## 数据接入 Ingest\n\n{__doc__}\n\n{feeds_md(FEEDS.values())}\n",
):
    # priority: areas first, so that a release waits for them; see areas.py
    @task(
        outlets=[*(asset(spec.name) for spec in FEEDS.values()), asset("quarantine.record")],
        task_display_name="接收 Take in",
        priority_weight=10,
        weight_rule="absolute",
    )
    def ingest() -> dict[str, object]:
        return ingest_feeds(get_current_context())

    @task(task_display_name="被拒文件 Rejected files", priority_weight=1, weight_rule="absolute", retries=0)
    def rejected_files(report: dict[str, object]) -> None:
        refuse_rejected(report)

    rejected_files(ingest())
