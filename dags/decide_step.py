"""A step of the yearly procedure as a task that waits for a person, without a worker or a triggerer.

The answer in Airflow's UI goes through the same checks as on a page: ``portal/procedure/decisions.py``. The person's
name in Airflow must be that of an account of the platform, whose role and district decide what it may do.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowSkipException

DECIDE, LEAVE = "决定 Decide", "不在此办理 Leave"


class DecideStep(HITLOperator):
    """Asks for one step of the district and year of the run; a refused answer is logged, and asked for again.

    Args:
        step: code of the step.
        has_window: whether it has a public notice or a time to confirm.
        needs_document: whether the decision names a document.
    """

    def __init__(self, *, step: str, has_window: bool, needs_document: bool, **kwargs: Any) -> None:
        fields: dict[str, Param] = {}
        if needs_document:
            fields["document"] = Param("", type="string", title="文号 Number of the document")
        if has_window:
            fields["days"] = Param(None, type=["null", "integer"], title="工作日数 Working days")
        # Airflow hands the DAG's own parameters, district and year, to every task: they are no fields of the question
        kwargs.pop("params", None)
        super().__init__(options=[DECIDE, LEAVE], params=fields, **kwargs)
        self.step = step

    def execute(self, context: Any) -> Any:
        """Ask, unless a page or the command line decided the step already."""
        from portal.procedure.facts import standing

        if standing(*_place(context)).step(self.step):
            self.log.info("%s is decided already", self.step)
            return None
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Decide as the person who answered."""
        from portal.accounts import store
        from portal.procedure import decisions
        from portal.procedure.errors import TakenError
        from schemas.errors import UserError

        answer = super().execute_complete(context, event)
        if answer["chosen_options"] != [DECIDE]:
            raise AirflowSkipException(f"{self.step} is decided elsewhere")
        district, year = _place(context)
        given = answer["params_input"]
        try:
            account = store.account((answer["responded_by_user"] or {}).get("name", "")).viewer
            decisions.advance(
                account,
                district,
                year,
                self.step,
                document=given.get("document") or "",
                days=given.get("days"),
            )
        except TakenError as error:
            self.log.info("%s", error)
        except UserError as error:
            self.log.warning("not decided: %s", error)
            return self.execute(context)
        return None


def _place(context: Any) -> tuple[str, str]:
    return context["params"]["district"], context["params"]["year"]
