"""应报数据 Feeds expected: fails while a feed has not arrived by the day that its contract sets.

That day is the last day of the period after the last one received, plus the lateness that the contract allows.
`./brain feeds` shows the same for every feed.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param, get_current_context, task
from dag_docs import feeds_md
from dag_tasks import TASK_DEFAULTS, check_expected

from schemas.contract import connected_groups

with DAG(
    "feeds_expected",
    dag_display_name="应报数据 Feeds expected",
    description="数据源逾期未报即告警 Alert when a feed is overdue",
    schedule="0 1 * * *",  # UTC: nine in the morning in Ningbo
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    tags=["ingest", "alert"],
    params={
        "today": Param(
            None,
            type=["null", "string"],
            format="date",
            title="日期 Today",
            description="以该日为今日；留空为当天 As of this day; today when empty",
        )
    },
    doc_md=f"## 应报数据 Feeds expected\n\n{__doc__}\n\n"
    f"{feeds_md(spec for specs in connected_groups().values() for spec in specs)}\n",
):

    @task(task_display_name="核对 Check", priority_weight=1500, weight_rule="absolute", retries=0)
    def check() -> dict[str, object]:
        return check_expected(get_current_context())

    check()
