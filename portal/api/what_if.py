"""What-if over the API: POST a trial of rules, GET its answer. Only officials ask, each for what they govern."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio.to_thread
import msgspec
from starlette.responses import Response

from portal.access.trials import may_try, may_try_in
from portal.accounts import audit
from portal.api import body, formats, problems
from portal.api.request import Asked
from portal.api.what_if_models import (
    WhatIfAccepted,
    WhatIfAnswer,
    WhatIfCause,
    WhatIfEdge,
    WhatIfMover,
    WhatIfQuestion,
    WhatIfRule,
    WhatIfWaiting,
)
from portal.queries.whatif import opened
from portal.queries.whatif_rows import Chosen
from portal.what_if import trial
from portal.what_if.kept import NotKeptError
from portal.what_if.turns import LineFullError, Turns, begin
from schemas.errors import UserError

#: Fields of a question at most, and the bytes of its document.
MOST_FIELDS, MOST_BYTES = 200, 64_000
#: Seconds after which to ask again for an answer that is being computed.
RETRY_SECONDS = 2


async def ask(asked: Asked) -> Response:
    """A trial of rules; 202 with the address at which its answer will be.

    Raises:
        Problem: 403, the viewer may not; 413, it is too large; 415, no JSON; 422, the rule is not well formed; 429, the
            line is full.
    """
    _permit(asked)
    given = await body.read(asked, WhatIfQuestion, MOST_BYTES)
    return await anyio.to_thread.run_sync(partial(_ask, asked, given))


def _permit(asked: Asked) -> None:
    if not may_try(asked.viewer):
        raise problems.Problem(
            403, "not-yours", "规则测算只向市与区县部门开放。",
            "What-if is for the offices of the city and its districts.",
        )  # fmt: skip


def _ask(asked: Asked, given: WhatIfQuestion) -> Response:
    if not given.set or len(given.set) > MOST_FIELDS:
        raise _invalid(f"set: give 1 to {MOST_FIELDS} fields")
    release, district = asked.release(), given.district or asked.viewer.scope or None
    changes = [f"{path}={_text(value)}" for path, value in given.set.items()]
    try:
        with asked.shelf.whole(release) as query:
            question = trial.ask(query, release, given.year or None, fields=changes, district=district)
        if not may_try_in(
            asked.viewer, [change.district_code for change in question.changes] or [district or ""]
        ):
            raise _of_others()
        turns: Turns = asked.request.state.turns
        begin(turns, question, changes, district)
    except LineFullError as error:
        raise problems.Problem(
            429, "too-many-trials", "正在排队的测算过多，请稍后再试。", str(error), {"retry-after": "30"}
        ) from None
    except UserError as error:
        raise _invalid(str(error)) from None
    audit.record(asked.viewer, "what_if.ask", question.id, {"release": release.number, "set": changes})
    address = f"/api/v1/what-if/{question.id}"
    content = WhatIfAccepted(question.id, _state(turns, question.id)[0], address)
    return Response(formats.encoded(content), 202, {"location": address}, formats.JSON)


def _text(value: Any) -> str:
    """A value as YAML: JSON is YAML."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _invalid(said: str) -> problems.Problem:
    return problems.Problem(422, "invalid-rule", f"规则有误：{said}", f"The rule is not valid: {said}")


def _of_others() -> problems.Problem:
    return problems.Problem(
        403, "not-yours", "只能测算本区县的规则。", "You may try rules of your own district only."
    )


def _state(turns: Turns, ident: str) -> tuple[str, str]:
    return ("done", "") if trial.exists(ident) else turns.state(ident) or ("unknown", "")


async def answer(asked: Asked) -> Response:
    """The answer of a trial; 202 while it is computed.

    Raises:
        Problem: 403, the viewer may not see it; 404, there is none; 409, it failed.
    """
    _permit(asked)
    ident = str(asked.request.path_params["ident"])
    turns: Turns = asked.request.state.turns
    state, words = _state(turns, ident)
    if state == "unknown":
        raise _not_kept()
    if state == "failed":
        raise problems.Problem(
            409, "trial-failed", f"测算没有完成：{words}", f"The trial did not finish: {words}"
        )
    if state != "done":
        content = formats.encoded(WhatIfWaiting(ident, state))
        return Response(content, 202, {"retry-after": str(RETRY_SECONDS)}, formats.JSON)
    try:
        found = await anyio.to_thread.run_sync(partial(_answer, asked, ident))
    except NotKeptError:
        raise _not_kept() from None
    return Response(formats.encoded(found), media_type=formats.JSON)


def _not_kept() -> problems.Problem:
    return problems.Problem(
        404, "not-kept", "没有这项测算，或已不再保留；请以同样的改动重新提交。",
        "There is no such trial, or it is no longer kept; POST the same changes again.",
    )  # fmt: skip


def _answer(asked: Asked, ident: str) -> WhatIfAnswer:
    with opened(ident) as found:
        told = found.summary
        if not may_try_in(asked.viewer, [rule["district_code"] for rule in told["rules"]]):
            raise _of_others()
        asked_for = {"release": told["release"], "what_if": ident}
        audit.record(asked.viewer, "table.read", "per_mu.enterprise_grade", asked_for, is_read=True)
        chosen = Chosen(asked.viewer.scope)
        names = ("release", "year", "is_trial", "made_at", "seconds", "worth")
        kept = ("district_code", "before", "after", "changed")
        return WhatIfAnswer(
            id=ident,
            state="done",
            **{name: told[name] for name in names},
            rules=[
                msgspec.convert({name: rule[name] for name in kept}, WhatIfRule) for rule in told["rules"]
            ],
            flows=found.flows(chosen),
            by_list=found.groups(chosen, ("district_code", "list_code")),
            sums=found.sums(chosen),
            causes=[WhatIfCause(**one) for one in found.causes(chosen)],
            edges=[WhatIfEdge(**one) for one in found.edges(chosen)],
            movers=list(map(WhatIfMover.of, found.movers(chosen, page=None)[0])),
        )
