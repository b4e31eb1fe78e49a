"""Operations of the OpenAPI document beyond tables: what-if and the yearly procedure.

Their models follow from the structs that the resources read and write, codes from the code lists, and what a decision
gives from the contract of its feed, so that description and answer cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from portal.api import formats, values
from portal.api.procedure_models import (
    AdjustGrade,
    AdvanceStep,
    ConfirmSheet,
    DecideObjection,
    DistrictYear,
    RaiseObjection,
    YearProgress,
)
from portal.api.what_if_models import WhatIfAccepted, WhatIfAnswer, WhatIfQuestion, WhatIfWaiting
from portal.procedure.delivery import sendable
from portal.procedure.facts import ADJUSTMENT, CONFIRMATION, DECISION, OBJECTION, STEP
from schemas.coded import titled
from schemas.contract import feed
from schemas.field import both

Schema = dict[str, Any]

TAGS = ("what_if", "procedure")
_STRUCTS = (
    AdvanceStep, ConfirmSheet, RaiseObjection, DecideObjection, AdjustGrade, DistrictYear, YearProgress,
    WhatIfQuestion, WhatIfAccepted, WhatIfWaiting, WhatIfAnswer,
)  # fmt: skip
#: Rows of queries, which describe themselves in English alone.
_IN_CHINESE = {
    "Named": "代码及名称", "Flow": "等级流向", "Side": "测算前后之一", "Group": "区县或名单", "Sum": "升降企业合计",
}  # fmt: skip
#: What may be refused: everybody's requests, those that are read, those that send a document.
_OF_ALL = (401, 403, 409, 414, 422, 429, 503)
_OF_READ = (404, 406)
_OF_SENT = (404, 413, 415)

#: Address → what it decides, its body, and the feed of what was decided.
_DECISIONS: Mapping[str, tuple[str, str, type[msgspec.Struct], str]] = {
    "step": ("advance_step", "决定下一步骤 decide the next step of a district's year", AdvanceStep, STEP),
    "confirm": ("confirm_sheet", "确认一企一单 confirm a firm's sheet", ConfirmSheet, CONFIRMATION),
    "object": ("raise_objection", "提出异议 object to land, a figure or a grade", RaiseObjection, OBJECTION),
    "decide": ("decide_objection", "处理异议 decide an objection", DecideObjection, DECISION),
    "adjust": ("adjust_grade", "联席会议调档 change a grade as the joint meeting decided", AdjustGrade, ADJUSTMENT),
}  # fmt: skip


def paths() -> Schema:
    """The operations by address."""
    return {**dict(_of_what_if()), **dict(_of_procedure())}


def schemas() -> Schema:
    """The models of bodies and answers."""
    _, found = msgspec.json.schema_components(_STRUCTS, ref_template="#/components/schemas/{name}")
    models = {name: _model(name, schema) for name, schema in found.items()}
    # firms object to indicators of firms; the list has those of other objects too
    models["RaiseObjection"]["properties"]["indicator"]["anyOf"][0]["enum"] = sendable(
        OBJECTION, "indicator_code"
    )
    return models | {_decided(name): _of_feed(name) for _, _, _, name in _DECISIONS.values()}


# --- models ---------------------------------------------------------------------------------------------------


def _model(name: str, schema: Schema) -> Schema:
    """A struct's model: closed, described in both languages, with decimals as the numbers that answers have."""
    found: Schema = _plain({**schema, "additionalProperties": False})
    if name in _IN_CHINESE:
        found["description"] = both(_IN_CHINESE[name], found["description"])
    return found


def _plain(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "decimal":
        return {**{name: value for name, value in schema.items() if name != "format"}, "type": "number"}
    found = {
        name: _plain(value)
        for name, value in schema.items()
        if not (name == "title" and isinstance(value, str))
    }
    if codes := found.get("x-code-list"):
        found["enum"] = list(titled(codes))
    return found


def _decided(name: str) -> str:
    """
    >>> _decided("gov_evaluation_step")
    'GovEvaluationStepDecided'
    """
    return "".join(word.capitalize() for word in name.split("_")) + "Decided"


def _of_feed(name: str) -> Schema:
    """What was decided: a record of the feed, without columns that it leaves empty."""
    spec = feed(name)
    columns = [column for column in spec.columns if column.name in spec.source.mapping]
    record = {
        column.name: {**values.kind(column).schema, "description": f"{column.zh} {column.en}"}
        for column in columns
    }
    return {
        "type": "object",
        "description": f"{spec.title.zh} {spec.title.en}",
        "properties": {
            "feed": {"const": name},
            "record": {"type": "object", "properties": record, "additionalProperties": False},
        },
        "required": ["feed", "record"],
        "additionalProperties": False,
    }


# --- operations -----------------------------------------------------------------------------------------------


def _of_what_if() -> Iterator[tuple[str, Schema]]:
    found = {
        "202": _answer(
            "排队中 It waits", "WhatIfAccepted", _header("Location", "答案地址 address of its answer")
        )
    }
    ask = _operation("what_if", "ask_what_if", "测算另一套规则 try other rules", found, _OF_SENT)
    yield "/what-if", {"post": {**ask, "requestBody": _body(WhatIfQuestion)}}
    found = {
        "200": _answer("OK", "WhatIfAnswer"),
        "202": _answer(
            "计算中 It is computed", "WhatIfWaiting", _header("Retry-After", "秒 seconds to wait")
        ),
    }
    get = _operation("what_if", "get_what_if", "测算结果 answer of a trial", found, (404,))
    yield "/what-if/{ident}", {"get": {**get, "parameters": [_path("ident", "编号 id of the trial", {})]}}


def _of_procedure() -> Iterator[tuple[str, Schema]]:
    tag, year = "procedure", {"pattern": "^[0-9]{4}$"}
    found = {"200": _answer("OK", "YearProgress")}
    listed = _operation(tag, "list_procedure", "各区县进展 where each district stands", found, _OF_READ)
    asked = {"name": "year", "in": "query", "schema": {"type": "string", **year}}
    asked["description"] = "评价年度，缺省为最近 evaluation year; the latest if omitted"
    yield "/procedure", {"get": {**listed, "parameters": [asked]}}
    found = {"200": _answer("OK", "DistrictYear")}
    one = _operation(tag, "get_procedure", "区县年度 where a district's year stands", found, _OF_READ)
    place = {"enum": list(titled("district")), "x-code-list": "district"}
    parameters = [
        _path("year", "评价年度 evaluation year", year),
        _path("district", "区县 district, such as 330282", place),
    ]
    yield "/procedure/{year}/{district}", {"get": {**one, "parameters": parameters}}
    for address, (name, summary, struct, of_feed) in _DECISIONS.items():
        done = {"201": _answer("已决定 Decided", _decided(of_feed))}
        post = _operation(tag, name, summary, done, _OF_SENT)
        yield f"/procedure/{address}", {"post": {**post, "requestBody": _body(struct)}}


def _operation(tag: str, name: str, summary: str, answers: Schema, more: Sequence[int]) -> Schema:
    refused = {
        str(status): {"$ref": "#/components/responses/Problem"} for status in sorted({*_OF_ALL, *more})
    }
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "security": [{"token": []}],
        "responses": {**answers, **refused},
    }


def _answer(description: str, model: str, headers: Schema | None = None) -> Schema:
    found: Schema = {"description": description, "content": {formats.JSON: {"schema": _ref(model)}}}
    return {**found, "headers": headers} if headers else found


def _header(name: str, description: str) -> Schema:
    return {name: {"description": description, "schema": {"type": "string"}}}


def _body(struct: type[msgspec.Struct]) -> Schema:
    return {"required": True, "content": {formats.JSON: {"schema": _ref(struct.__name__)}}}


def _path(name: str, description: str, more: Schema) -> Schema:
    schema = {"type": "string", "minLength": 1, **more}
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
