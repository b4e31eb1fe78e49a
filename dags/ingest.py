"""数据接入 Ingest: what comes for a group of feeds → raw tables and quarantine.

A run waits until a complete manifest lies in the landing folder of one of the group's feeds, holding no worker
(`watch.py`), takes in what came, and the next run waits. A run that a person starts waits for nothing; with a period
it takes in only what was sent for that one, or maps the kept records of that one anew.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, Param, get_current_context, task
from dag_docs import feeds_md, group_title
from dag_tasks import TASK_DEFAULTS, asset, ingest_group, refuse_rejected
from watch import WaitForArrivals

from schemas.contract import Feed, connected_groups
from schemas.periods import PATTERN

HOUR = 3600
#: Cadence → seconds between two looks, and after which a run looks at what is stale though nothing came.
#: Corrections come at any time: what is sent once a year is waited for as well.
LOOKS = {
    "continuous": (10, HOUR),
    "daily": (20, 6 * HOUR),
    "monthly": (30, 24 * HOUR),
    "yearly_then_monthly": (30, 24 * HOUR),
    "yearly": (30, 24 * HOUR),
    "irregular": (30, 24 * HOUR),
}
GROUPS = connected_groups()


def looks(specs: list[Feed]) -> tuple[int, int]:
    """As often as the feed of the group that comes most often."""
    return min(LOOKS[spec.source.cadence] for spec in specs)


for place, (group, specs) in enumerate(GROUPS.items()):
    names = [spec.table for spec in specs]
    every, at_most = looks(specs)
    with DAG(
        f"ingest_{group}",
        dag_display_name=f"数据接入 Ingest · {group_title(group)}",
        description="等到新文件即接收 Take in new files of the landing folder when they come",
        schedule="@continuous",
        # without one the first run's interval is empty, and the next run is taken for the same
        start_date=datetime(2020, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        default_args=TASK_DEFAULTS,
        tags=["ingest", "raw", group],
        params={
            "feed": Param(
                None,
                type=["null", "string"],
                enum=[None, *names],
                title="数据源 Feed",
                description="只接收一个数据源；留空为全组 Only this feed; the group when left out",
            ),
            "period": Param(
                None,
                type=["null", "string"],
                pattern=PATTERN,
                title="期别 Period",
                description="补录：只接收该期别（年含其月、日）Backfill: only what was sent for this period, "
                "a year with its months and days",
            ),
            "replaces": Param(
                False,
                type="boolean",
                title="替代 Replaces",
                description="接收的批次替代期别重叠的批次（年替代其月）What is taken in takes the place of what "
                "overlaps with its period: a year that of its months",
            ),
            "remap": Param(
                False,
                type="boolean",
                title="重新映射 Map anew",
                description="以现行映射重做已接收的记录 Apply today's mapping to records taken in earlier",
            ),
            "connection": Param(
                None,
                type=["null", "string"],
                pattern=r"^[A-Za-z0-9_.\-]+$",
                title="数据库连接 Connection",
                description="从此 Airflow 连接的数据库读取；留空为落地目录 Pull from the database of this "
                "Airflow connection; the landing folder when left out",
            ),
        },
        doc_md=f"## 数据接入 Ingest · {group_title(group)}\n\n{__doc__}\n\n{feeds_md(specs)}\n",
    ):
        wait = WaitForArrivals(
            task_id="wait",
            task_display_name="等待 Wait",
            group=group,
            feeds=names,
            every=every,
            at_most=at_most,
        )

        # before the areas: what has come goes into one run of them, and one release; see areas.py
        @task(
            task_id="take_in",
            task_display_name="接收 Take in",
            outlets=[*(asset(spec.name) for spec in specs), asset("quarantine.record")],
            priority_weight=2000 - place,
            weight_rule="absolute",
        )
        def take_in(group: str) -> dict[str, object]:
            return ingest_group(group, get_current_context())

        @task(
            task_display_name="被拒文件 Rejected files",
            priority_weight=1500,
            weight_rule="absolute",
            retries=0,
        )
        def rejected_files(report: dict[str, object]) -> None:
            refuse_rejected(report)

        taken = take_in(group)
        wait >> taken
        rejected_files(taken)
