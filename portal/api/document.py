"""The OpenAPI document: a typed model and operations for each table, generated from the contracts.

It is the same for everybody. Columns that a viewer does not see are missing from an answer, so no column of a model is
required.

The module is one, above 300 lines: it is one document, whose parts refer to each other by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from starlette.responses import Response

from portal.access.views import WITHHELD
from portal.api import changes, document_sent, formats, problems, values
from portal.api.request import VARY, Asked
from portal.api.selection import DEFAULT_LIMIT, MOST_ROWS
from schemas.coded import stand_ins, titled
from schemas.contract import Contract, published_contracts
from schemas.field import Column, both

Schema = dict[str, Any]

#: Longest code list whose codes the model of a row names; titles of all are at /codes/{list}.
MOST_CODES = 30
_STATUSES = (401, 403, 404, 406, 409, 410, 414, 422, 429, 503)
_NULL = {"type": "null"}
_TEXT = {"type": "string"}
_COUNT = {"type": "integer"}
_FLAG = {"type": "boolean"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_BOTH = {"$ref": "#/components/schemas/InBoth"}
_CELL = r"^[^\u0000-\u001f\u007f]*$"


async def openapi(asked: Asked) -> Response:
    """This document."""
    mark = f'W/"{version("ningbo-industrial-brain")}-{len(_encoded())}"'
    headers = {"etag": mark, "vary": VARY}
    if answer := asked.unchanged(headers):
        return answer
    return Response(_encoded(), headers=headers, media_type=formats.JSON)


@cache
def _encoded() -> bytes:
    return formats.encoded(document())


def document() -> Schema:
    """The OpenAPI document."""
    specs = published_contracts()
    paths: Schema = {**dict(_of_catalogue()), **document_sent.paths()}
    schemas: Schema = {**_SCHEMAS, **document_sent.schemas()}
    parameters: Schema = {}
    for spec in specs:
        paths |= _of_table(spec)
        schemas |= dict(_models(spec))
        parameters |= {_filter_name(spec, column): _filter(column) for column in spec.columns}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "宁波产业大脑 Ningbo Industrial Brain",
            "version": "1.0.0",
            "description": both(
                "各发布的数据表、目录、代码表与变化，规则测算，年度工作流程。每个账户只看到、只办理其有权的事项。",
                "Tables, catalogue, codes and changes of releases, trials of rules and the yearly procedure, as far as "
                "an account may see and decide them.",
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{}, {"token": []}],
        "tags": [{"name": area} for area in _tags(specs)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": parameters,
            "responses": {
                "Problem": {
                    "description": "出错说明 What is wrong, in the reader's language",
                    "content": {problems.MEDIA_TYPE: {"schema": _ref("Problem")}},
                }
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _tags(specs: Sequence[Contract]) -> list[str]:
    return list(dict.fromkeys(["catalogue", *(spec.area for spec in specs), *document_sent.TAGS]))


def class_name(spec: Contract) -> str:
    """
    >>> from schemas.contract import contract
    >>> class_name(contract("per_mu.enterprise_grade"))
    'PerMuEnterpriseGrade'
    """
    return "".join(word.capitalize() for word in f"{spec.area}_{spec.table}".split("_"))


def operation_name(verb: str, spec: Contract) -> str:
    return f"{verb}_{spec.area}_{spec.table}"


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


# --- models ----------------------------------------------------------------------------------------------


def _object(properties: Schema, *optional: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _models(spec: Contract) -> Iterator[tuple[str, Schema]]:
    """The row of a table, and what it is sent in."""
    name = class_name(spec)
    flag = {
        "type": "boolean",
        "description": "统计数据未获授权，未显示 Statistics withheld for want of consent",
    }
    row = {column.name: _property(column) for column in spec.columns}
    described = (
        f"{spec.title.zh} {spec.title.en}. {both(spec.description_zh, spec.description)} Grain: {spec.grain}."
    )
    yield name, {
        "type": "object", "description": described, "properties": {**row, WITHHELD: flag},
        "additionalProperties": False, "x-key": list(spec.key), "x-access-key": spec.access_key,
    }  # fmt: skip
    head = {"release": _COUNT, "table": {"const": spec.name}}
    following = {**_MAYBE_TEXT, "description": "下一页地址 Address of the next page"}
    yield f"{name}Rows", _object({**head, "rows": {"type": "array", "items": _ref(name)}, "next": following})
    yield f"{name}Row", _object({**head, "row": _ref(name)})
    maybe = {"oneOf": [_ref(name), _NULL]}
    yield f"{name}Change", _object({
        "kind": {"type": "string", "enum": ["came", "went", "changed"]},
        "key": {"type": "object", "properties": {n: _value(spec.column(n)) for n in spec.key},
                "required": list(spec.key), "additionalProperties": False},
        "columns": {"type": "array", "items": _TEXT},
        "old": maybe, "new": maybe,
    })  # fmt: skip
    yield f"{name}Changes", _object({
        "table": {"const": spec.name}, "from": _COUNT, "to": _COUNT, "key": {"type": "array", "items": _TEXT},
        "changes": {"type": "array", "items": _ref(f"{name}Change")}, "next": following,
    })  # fmt: skip


def _value(column: Column) -> Schema:
    return dict(values.kind(column).schema)


def _property(column: Column) -> Schema:
    """A column: type, titles and unit; the codes of a short list that is the same in every release."""
    schema = _value(column)
    codes = column.domain.codes
    if codes and column.type == "string" and len(titled(codes)) <= MOST_CODES and not stand_ins(codes):
        schema["enum"] = sorted(titled(codes))
    # a value may be missing, or withheld for want of consent or of firms
    is_always_there = column.required and column.sensitivity == "public"
    if not is_always_there or (column.disclosed and column.disclosed.counted_by):
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    more = {"x-unit": column.unit, "x-code-list": codes}
    return {
        **schema,
        "description": described(column),
        "x-title-zh": column.zh,
        "x-title-en": column.en,
        "x-sensitivity": column.sensitivity,
        **{name: value for name, value in more.items() if value},
    }


def described(column: Column) -> str:
    """Titles, unit, description and code list of a column in both languages."""
    unit = f" [{column.unit}]" if column.unit else ""
    codes = f" /codes/{column.domain.codes}" if column.domain.codes else ""
    return f"{column.zh} {column.en}{unit}. {both(column.description_zh, column.description)}{codes}"


# --- operations of a table -------------------------------------------------------------------------------


def _of_table(spec: Contract) -> Schema:
    name, title, base = class_name(spec), f"{spec.title.zh} {spec.title.en}", f"/tables/{spec.name}"
    filters = [{"$ref": f"#/components/parameters/{_filter_name(spec, column)}"} for column in spec.columns]
    key = [_key(spec.column(column)) for column in spec.key]
    lines = {formats.LINES: {"schema": _TEXT}}
    whole = {form: {"schema": {"type": "string", "format": "binary"}} for form in formats.FORMATS[1:]}
    return {
        f"{base}/rows": _get(
            spec.area, operation_name("list", spec), f"{title}: 各行 rows", f"{name}Rows",
            [_select(spec), _order(spec), _limit(DEFAULT_LIMIT), _CURSOR, _BOM, *filters], whole,
        ),
        f"{base}/count": _get(
            spec.area, operation_name("count", spec), f"{title}: 行数 number of rows", "Count", filters
        ),
        f"{base}/row": _get(
            spec.area, operation_name("get", spec), f"{title}: 按主键取一行 row by its key", f"{name}Row",
            [*key, _select(spec)],
        ),
        f"{base}/changes": _get(
            spec.area, operation_name("changes", spec), f"{title}: 两次发布之间的变化 changes between releases",
            f"{name}Changes",
            [_number("from", "原发布 release before"), _number("to", "新发布 release after"),
             _limit(changes.DEFAULT_LIMIT), _CURSOR],
            lines,
        ),
        f"{base}/explain": _get(
            spec.area, operation_name("explain", spec), f"{title}: 依据 evidence of a row", "Explanation", key
        ),
    }  # fmt: skip


def _get(
    tag: str, name: str, summary: str, model: str, parameters: list[Schema], more: Schema | None = None
) -> Schema:
    answers: Schema = {
        "200": {
            "description": "OK",
            "headers": {"ETag": {"schema": _TEXT}},
            "content": {formats.JSON: {"schema": _ref(model)}, **(more or {})},
        },
        "304": {"description": "未变化 Not modified"},
        **{str(status): {"$ref": "#/components/responses/Problem"} for status in _STATUSES},
    }
    operation = {"operationId": name, "tags": [tag], "summary": summary, "responses": answers}
    return {"get": {**operation, "parameters": parameters} if parameters else operation}


def _query(name: str, description: str, schema: Schema, is_required: bool = False) -> Schema:
    found = {"name": name, "in": "query", "description": description, "schema": schema}
    return {**found, "required": True} if is_required else found


def _filter_name(spec: Contract, column: Column) -> str:
    return f"{class_name(spec)}.{column.name}"


def _filter(column: Column) -> Schema:
    """A filter: one text per condition, ``operator.value`` or a value that the column equals."""
    kind = values.kind(column)
    item: Schema = {"type": "string"}
    if kind.is_text or kind.is_list:
        item |= {"pattern": _CELL, "maxLength": values.LONGEST_TEXT}
        operators = "contains" if kind.is_list else "eq ne gt gte lt lte in contains starts"
    else:
        compared = "eq|ne|gt|gte|lt|lte" if kind.is_ordered else "eq|ne"
        value = kind.pattern
        item["pattern"] = (
            f"^(?:(?:(?:{compared})\\.)?{value}|in\\.{value}(?:,{value}){{0,20}}|(?:is|not)\\.null)$"
        )
        operators = compared.replace("|", " ") + " in"
    unit = f" [{column.unit}]" if column.unit else ""
    description = f"{column.zh} {column.en}{unit}: {operators} is.null not.null"
    return _query(column.name, description, {"type": "array", "items": item, "maxItems": 5})


def _key(column: Column) -> Schema:
    kind = values.kind(column)
    pattern = _CELL if kind.is_text else f"^{kind.pattern}$"
    schema = {"type": "string", "pattern": pattern, "minLength": 1, "maxLength": values.LONGEST_TEXT}
    return _query(column.name, described(column), schema, is_required=True)


def _select(spec: Contract) -> Schema:
    schema = {"type": "array", "items": {"type": "string", "enum": spec.column_names}, "maxItems": 200}
    return _query("select", "列 columns, also as one text with commas", schema)


def _order(spec: Contract) -> Schema:
    names = "|".join(column.name for column in spec.columns if not values.kind(column).is_list)
    schema = {"type": "array", "items": {"type": "string", "pattern": f"^-?(?:{names})$"}, "maxItems": 20}
    return _query("order", "排序，降序加 - order, descending with -; the key completes it", schema)


def _limit(default: int) -> Schema:
    schema = {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": default}
    return _query("limit", "每页行数 rows of a page; CSV, Parquet and Arrow may have more", schema)


def _number(name: str, description: str) -> Schema:
    return _query(name, description, {"type": "integer", "minimum": 1, "maximum": 999_999_999}, True)


_CURSOR = _query("cursor", "上一页 next 中的 cursor: where the last page ended", {"type": "string"})
_BOM = _query(
    "bom", "1：CSV 带 BOM with a byte order mark, for Excel", {"type": "string", "enum": ["0", "1"]}
)
_RELEASE = {
    "name": "release", "in": "path", "required": True, "description": "发布号 number of a kept release",
    "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
}  # fmt: skip


# --- catalogue -------------------------------------------------------------------------------------------


def _of_catalogue() -> Iterator[tuple[str, Schema]]:
    yield "/releases", _get("catalogue", "list_releases", "各发布 releases", "Releases", [])
    yield "/releases/{release}", _get("catalogue", "get_release", "发布 release", "ReleaseTables", [_RELEASE])
    yield (
        "/releases/{release}/verdicts",
        _get("catalogue", "list_verdicts", "校验结果 verdicts", "Verdicts", [_RELEASE]),
    )
    for prefix, suffix, first in (("", "", []), ("/releases/{release}", "_of_release", [_RELEASE])):
        yield from _of_any(prefix, suffix, first)


def _of_any(prefix: str, suffix: str, first: list[Schema]) -> Iterator[tuple[str, Schema]]:
    """Resources of the latest release, and of any that is kept."""

    def path_parameter(name: str, description: str, known: list[str]) -> Schema:
        schema = {"type": "string", "enum": known}
        return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}

    table = path_parameter("table", "表 table", [spec.name for spec in published_contracts()])
    word = _query("q", "信用代码，或名称的一部分 credit code or part of a name",
                  {"type": "string", "pattern": r"^[^\u0000-\u0020\u007f]+$", "maxLength": 100}, True)  # fmt: skip
    code_list = {
        "name": "list",
        "in": "path",
        "required": True,
        "description": "代码表 code list",
        "schema": _TEXT,
    }
    yield f"{prefix}/tables", _get("catalogue", f"list_tables{suffix}", "数据表 tables", "Tables", first)
    yield (
        f"{prefix}/tables/{{table}}",
        _get(
            "catalogue", f"describe_table{suffix}", "数据字典 dictionary of a table", "Table", [*first, table]
        ),
    )
    yield (
        f"{prefix}/codes",
        _get("catalogue", f"list_code_lists{suffix}", "代码表 code lists", "CodeLists", first),
    )
    yield (
        f"{prefix}/codes/{{list}}",
        _get("catalogue", f"list_codes{suffix}", "代码 codes", "Codes", [*first, code_list]),
    )
    yield (
        f"{prefix}/search",
        _get("catalogue", f"search{suffix}", "查找企业 find a firm", "Firms", [*first, word]),
    )
    if first:
        yield (
            f"{prefix}/tables/{{table}}/rows",
            _get("catalogue", "list_rows_of_release", "某次发布的各行 rows of a kept release", "AnyRows",
                 [*first, table, _limit(DEFAULT_LIMIT), _CURSOR]),
        )  # fmt: skip
        yield (
            f"{prefix}/tables/{{table}}/count",
            _get("catalogue", "count_of_release", "某次发布的行数 rows of a kept release, counted", "Count",
                 [*first, table]),
        )  # fmt: skip
        yield (
            f"{prefix}/tables/{{table}}/row",
            _get("catalogue", "get_row_of_release", "某次发布的一行，参数为主键各列 row of a kept release by its key",
                 "AnyRow", [*first, table]),
        )  # fmt: skip
        yield (
            f"{prefix}/tables/{{table}}/explain",
            _get("catalogue", "explain_of_release",
                 "某次发布一行的依据，参数为主键各列 evidence of a row of a kept release by its key", "Explanation",
                 [*first, table]),
        )  # fmt: skip


_ANY: Schema = {"type": "object", "additionalProperties": True}
_FOLLOWING = {**_MAYBE_TEXT, "description": "下一页地址 Address of the next page"}
_RELEASE_FACTS: Schema = {
    "release": _COUNT,
    "created_at": {"type": "string", "format": "date-time"},
    "rollback_of": {"type": ["integer", "null"]},
    "sha256": _TEXT,
    "table_count": _COUNT,
}
_HEAD: Schema = {
    "table": _TEXT, "title": _BOTH, "description": _BOTH, "grain": _TEXT,
    "key": {"type": "array", "items": _TEXT}, "period": _MAYBE_TEXT, "owner": _TEXT, "legal_basis": _TEXT,
    "legal_source": _TEXT, "access_key": _TEXT,
}  # fmt: skip
_COLUMN: Schema = {
    "column": _TEXT, "type": _TEXT, "stored_type": _TEXT, "unit": _MAYBE_TEXT, "title": _BOTH, "description": _BOTH,
    "code_list": _MAYBE_TEXT, "is_required": _FLAG, "sensitivity": _TEXT, "legal_basis": _TEXT,
    "rests_on_consent": _FLAG, "counted_by": _MAYBE_TEXT, "least_firms": {"type": ["integer", "null"]},
    "is_hidden": _FLAG,
}  # fmt: skip


def _list_of(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


_SCHEMAS: Schema = {
    "InBoth": _object({"zh": _TEXT, "en": _TEXT}),
    "Problem": {
        "type": "object",
        "description": "RFC 9457",
        "properties": {"type": _TEXT, "title": _TEXT, "status": _COUNT, "detail": _TEXT, "instance": _TEXT},
        "required": ["type", "title", "status", "detail"],
        "additionalProperties": True,
    },
    "Count": _object({"release": _COUNT, "table": _TEXT, "count": _COUNT}),
    "AnyRows": _object({"release": _COUNT, "table": _TEXT, "rows": _list_of(_ANY), "next": _FOLLOWING}),
    "AnyRow": _object({"release": _COUNT, "table": _TEXT, "row": _ANY}),
    "Release": _object(_RELEASE_FACTS),
    "Releases": _object({"latest": _COUNT, "releases": _list_of(_ref("Release"))}),
    "ReleaseTables": _object(
        {**_RELEASE_FACTS, "tables": {"type": "object", "additionalProperties": _COUNT}}
    ),
    "Verdicts": _object({"release": _COUNT, "verdicts": _list_of(_ANY)}),
    "TableHead": _object({**_HEAD, "rows": _COUNT, "is_visible": _FLAG}),
    "Tables": _object({"release": _COUNT, "tables": _list_of(_ref("TableHead"))}),
    "Column": _object(_COLUMN),
    "Table": _object({
        "release": _COUNT, **_HEAD, "is_visible": _FLAG, "may_be_withheld": _FLAG,
        "columns": _list_of(_ref("Column")),
    }),
    "CodeList": _object({"list": _TEXT, "codes": _COUNT}),
    "CodeLists": _object({"release": _COUNT, "lists": _list_of(_ref("CodeList"))}),
    "Code": _object({"code": _TEXT, "zh": _MAYBE_TEXT, "en": _MAYBE_TEXT}),
    "Codes": _object({"release": _COUNT, "list": _TEXT, "codes": _list_of(_ref("Code"))}),
    "Firm": _object({
        "uscc": _TEXT, "enterprise_name": _MAYBE_TEXT, "district": _MAYBE_TEXT, "grade": _MAYBE_TEXT,
        "year": _TEXT, "found_by": _TEXT,
    }),
    "Firms": _object({"release": _COUNT, "total": _COUNT, "firms": _list_of(_ref("Firm"))}),
    "Evidence": _object({
        "table": _TEXT, "where": _ANY, "rows": _list_of(_ANY), "total": _COUNT, "is_repeated": _FLAG,
        "behind": {"type": "array", "items": _ref("Evidence")},
    }),
    "Explanation": _object({
        "release": _COUNT, "table": _TEXT, "row": _ANY, "arithmetic": _list_of(_TEXT), "evidence": _ref("Evidence"),
    }),
}  # fmt: skip
