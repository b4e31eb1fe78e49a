"""What there is: releases with the gate's verdicts, tables with their dictionary, code lists, and firms by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from starlette.responses import Response

from portal.access import views
from portal.access.viewer import OFFICES
from portal.api import formats, values
from portal.api.problems import Problem
from portal.api.request import Asked
from portal.api.shown import Shown, described, kept, shown, similar
from portal.queries import enterprise
from portal.queries.release import Query
from schemas.contract import Contract, contracts
from schemas.errors import RejectedError, UsageError
from schemas.field import Column
from warehouse.releases import Release, release_numbers

LONGEST_WORD = 100


# --- releases --------------------------------------------------------------------------------------------


async def releases(asked: Asked) -> Response:
    """Every release that is kept, the latest first; a damaged one is left out."""
    _only_json(asked)
    latest = kept(asked.shelf, None)
    found = []
    for number in reversed(release_numbers()):
        try:
            found.append(_release(asked.shelf.release(number)))
        except (UsageError, RejectedError):
            continue
    return asked.json(latest, {"latest": latest.number, "releases": found})


async def release(asked: Asked) -> Response:
    """A release: when it was made, and how many rows its tables have."""
    _only_json(asked)
    found = asked.release()
    tables = {name: entry["rows"] for name, entry in sorted(found.manifest["tables"].items())}
    return asked.json(found, {**_release(found), "tables": tables})


def _release(found: Release) -> dict[str, Any]:
    manifest = found.manifest
    return {
        "release": found.number,
        "created_at": manifest["created_at"],
        "rollback_of": manifest.get("rollback_of"),
        "sha256": manifest["file"]["sha256"],
        "table_count": len(manifest["tables"]),
    }


async def verdicts(asked: Asked) -> Response:
    """Verdicts of the gate on a release; offices see them."""
    _only_json(asked)
    if asked.viewer.role not in OFFICES:
        raise Problem(
            403, "not-an-office", "校验结果只供部门查看。", "Verdicts of the gate are for offices alone."
        )
    found = asked.release()
    if answer := asked.unchanged(asked.headers(found)):
        return answer
    rows = await asked.read(found, lambda query: query("FROM release.verdict"))
    return asked.json(found, {"release": found.number, "verdicts": rows})


# --- tables ----------------------------------------------------------------------------------------------


async def tables(asked: Asked) -> Response:
    """Every table of a release, and whether the viewer sees rows of it."""
    _only_json(asked)
    found = asked.release()
    if answer := asked.unchanged(asked.headers(found)):
        return answer
    known = contracts()
    listed = [
        {**_head(known[name]), "rows": entry["rows"], "is_visible": views.sees_rows(known[name], asked.cut)}
        for name, entry in sorted(found.manifest["tables"].items())
        if name in known
    ]
    return asked.json(found, {"release": found.number, "tables": listed})


def _head(spec: Contract) -> dict[str, Any]:
    return {
        "table": spec.name,
        "title": {"zh": spec.title.zh, "en": spec.title.en},
        "description": {"zh": spec.description_zh, "en": spec.description},
        "grain": spec.grain,
        "key": list(spec.key),
        "period": spec.period,
        "owner": spec.owner,
        "legal_basis": spec.legal_basis,
        "legal_source": spec.legal_source,
        "access_key": spec.access_key,
    }


async def table(asked: Asked) -> Response:
    """The dictionary of a table: what one row is, and each column as the viewer sees it."""
    _only_json(asked)
    found = asked.release()
    one = described(asked.shelf, found, asked.table, asked.cut)
    if answer := asked.unchanged(asked.headers(found)):
        return answer
    is_visible = views.sees_rows(one.spec, asked.cut)
    dictionary = {
        "release": found.number,
        **_head(one.spec),
        "is_visible": is_visible,
        "may_be_withheld": one.has_flag,
        "columns": list(_columns(one, is_visible)),
    }
    return asked.json(found, dictionary)


def _columns(one: Shown, is_visible: bool) -> Iterator[dict[str, Any]]:
    for column in one.present:
        yield _column(column, column.name in one.hidden or not is_visible)


def _column(column: Column, is_hidden: bool) -> dict[str, Any]:
    disclosed = column.disclosed
    return {
        "column": column.name,
        "type": values.kind(column).schema["type"],
        "stored_type": column.type,
        "unit": column.unit,
        "title": {"zh": column.zh, "en": column.en},
        "description": {"zh": column.description_zh, "en": column.description},
        "code_list": column.domain.codes,
        "is_required": column.required,
        "sensitivity": column.sensitivity,
        "legal_basis": column.legal_basis,
        "rests_on_consent": column.rests_on_consent,
        "counted_by": disclosed.counted_by if disclosed else None,
        "least_firms": disclosed.least_firms if disclosed else None,
        "is_hidden": is_hidden,
    }


# --- codes -----------------------------------------------------------------------------------------------


async def code_lists(asked: Asked) -> Response:
    """Names of the code lists of a release."""
    _only_json(asked)
    found = asked.release()
    if answer := asked.unchanged(asked.headers(found)):
        return answer
    rows = await asked.read(
        found, lambda query: query("SELECT list, count(*) AS codes FROM release.code GROUP BY 1 ORDER BY 1")
    )
    return asked.json(found, {"release": found.number, "lists": rows})


async def codes(asked: Asked) -> Response:
    """The codes of a list with their titles."""
    _only_json(asked)
    found = asked.release()
    name = str(asked.request.path_params["list"])
    if answer := asked.unchanged(asked.headers(found)):
        return answer
    known = await asked.read(found, lambda query: query("SELECT DISTINCT list FROM release.code"))
    lists = frozenset(row["list"] for row in known)
    if name not in lists:
        raise Problem(
            404, "unknown-list", f"没有代码表 {name[:80]}；/api/v1/codes 列出全部。",
            f"There is no code list {name[:80]}; /api/v1/codes lists all.", similar=similar(name, lists),
        )  # fmt: skip
    rows = await asked.read(
        found, lambda query: query("SELECT code, zh, en FROM release.code WHERE list = ? ORDER BY ALL", name)
    )
    return asked.json(found, {"release": found.number, "list": name, "codes": rows})


# --- firms -----------------------------------------------------------------------------------------------


async def search(asked: Asked) -> Response:
    """Firms by code, another identifier, or part of a present or former name, among those that the viewer sees."""
    _only_json(asked)
    words = [text for name, text in asked.pairs if name == "q"]
    word = words[-1].strip() if words else ""
    if not word or len(word) > LONGEST_WORD or any(ord(character) < 32 for character in word):
        raise Problem(
            422, "wrong-value", f"q 应为 1 至 {LONGEST_WORD} 个字符：信用代码，或名称的一部分。",
            f"q takes 1 to {LONGEST_WORD} characters: a credit code or part of a name.", parameter="q",
        )  # fmt: skip
    found = asked.release()
    shown(asked.shelf, found, "core.enterprise", asked.cut)
    if answer := asked.unchanged(asked.headers(found)):
        return answer
    matches, total = await asked.read(found, lambda query: _firms(query, word))
    return asked.json(found, {"release": found.number, "total": total, "firms": [asdict(m) for m in matches]})


def _firms(query: Query, word: str) -> tuple[list[enterprise.Match], int]:
    try:
        return enterprise.find(query, word)
    except UsageError:  # no firm matches
        return [], 0


def _only_json(asked: Asked) -> None:
    formats.accepted(asked.request, (formats.JSON,))
