"""数据接入 Ingest: deliveries of a group of feeds → raw tables and quarantine.

A run waits, without a worker (`watch.py`), until the landing folder of one of the group's feeds has a complete
manifest. It ingests what arrived, and the next run waits. A run that a person starts does not wait; with a period it
ingests only deliveries of that period, or maps the kept records of that period again.
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
#: Cadence → seconds between two checks; seconds after which a run starts although nothing arrived.
#: Corrections arrive at any time, so yearly feeds are checked all year.
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
    """The intervals of the group's most frequent feed."""
    return min(LOOKS[spec.source.cadence] for spec in specs)


for place, (group, specs) in enumerate(GROUPS.items()):
    names = [spec.table for spec in specs]
    every, at_most = looks(specs)
    with DAG(
        f"ingest_{group}",
        dag_display_name=f"数据接入 Ingest · {group_title(group)}",
        description="新文件到达即接收 Ingest new files of the landing folder when they arrive",
        schedule="@continuous",
        # without it the first run's interval is empty, and the next run counts as the same run
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
                description="只接收一个数据源；留空为全组 Only this feed; all of the group when empty",
            ),
            "period": Param(
                None,
                type=["null", "string"],
                pattern=PATTERN,
                title="期别 Period",
                description="补录：只接收该期别（年含其月、日）Backfill: only deliveries of this period, "
                "a year with its months and days",
            ),
            "replaces": Param(
                False,
                type="boolean",
                title="替代 Replaces",
                description="接收的批次替代期别重叠的批次（年替代其月）Ingested deliveries replace those whose "
                "periods overlap: a year replaces its months",
            ),
            "remap": Param(
                False,
                type="boolean",
                title="重新映射 Map again",
                description="按现行映射重新处理已接收的记录 Apply today's mapping to records ingested earlier",
            ),
            "connection": Param(
                None,
                type=["null", "string"],
                pattern=r"^[A-Za-z0-9_.\-]+$",
                title="数据库连接 Connection",
                description="从此 Airflow 连接的数据库读取；留空则读取落地目录 Pull from the database of this "
                "Airflow connection; the landing folder when empty",
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

        # before the tables: all that arrived goes into one run of them, and one release; see tables.py
        @task(
            task_id="take_in",
            task_display_name="接收 Ingest",
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
