"""年度工作流程 Yearly procedure: a run is one district's year, and each of its steps waits for a person.

Steps wait as tasks that ask (待处理 required actions), without a worker. An answer goes through the same checks as on
the platform's page, so a step may be decided there or here; the first decision counts. The person's name in Airflow
must be that of an account of the platform.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param
from dag_tasks import TASK_DEFAULTS
from decide_step import DecideStep

from portal.procedure.steps import steps
from schemas.contract import code_list

with DAG(
    "procedure",
    dag_display_name="年度工作流程 Yearly procedure",
    description="从名单确定到执行，逐步由人决定 From the list to the execution, decided step by step",
    schedule=None,
    catchup=False,
    # ten districts run at the same time, for months
    max_active_runs=100,
    default_args=TASK_DEFAULTS,
    tags=["procedure"],
    params={
        "district": Param("330282", enum=sorted(code_list("district")), title="区县 District"),
        "year": Param("2024", type="string", pattern="^[0-9]{4}$", title="评价年度 Evaluation year"),
    },
    doc_md=f"## 年度工作流程 Yearly procedure\n\n{__doc__}\n",
):
    before = None
    for step in steps():
        task = DecideStep(
            task_id=step.code,
            task_display_name=step.words,
            subject=f"{step.words} · {{{{ params.district }}}} {{{{ params.year }}}}",
            body="期限与次序由平台核对 Order and windows are checked by the platform.",
            step=step.code,
            has_window=step.has_window,
            needs_document=step.needs_document,
            # a step that a person leaves to others does not stop the later ones
            trigger_rule="none_failed",
        )
        if before is not None:
            before >> task
        before = task
