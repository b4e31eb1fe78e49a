"""Contracts as documents of the Open Data Contract Standard (ODCS 3.1): one per published table.

Everything follows from the contracts; nothing is written twice. ``datacontract lint`` accepts the documents, and
``datacontract test`` checks a release's file against them (see .ci/run). Rules have the ids of the gate's checks, so
that a failure is found in both.

The module is one, above 300 lines: it is one form, read beside the standard from top to bottom.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from portal.access.viewer import Role
from schemas.coded import stand_ins, titled
from schemas.contract import AccessKey, Contract, Feed, contract, contracts
from schemas.credit_code import ALPHABET, PATTERN, WEIGHTS
from schemas.duckdb_types import is_year, reader_type
from schemas.field import Column, both

Document = dict[str, Any]

VERSION = "v3.1.0"
PRODUCT = "宁波产业大脑 Ningbo Industrial Brain"
#: Name of the server, the release's file.
SERVER = "release"
#: Longer code lists are read from the release instead of written out: products have more than a thousand codes.
LONGEST_LIST = 100

_BASES = {
    "administration": "用于行政管理 for administration",
    "authorisation": "凭企业授权使用 by the firm's authorisation",
    "statistics_only": "单个企业的统计数据仅限统计用途，其他用途须企业授权 statistics of single firms serve statistics "
    "alone, other purposes need the firm's consent",
}
#: Access key → role → rows that it sees; docs/operations/access.md says the same for people.
_READERS: Mapping[AccessKey, Mapping[Role, str]] = {
    "public": {"public": "全部记录 every row"},
    "official": {"city": "全部记录 every row", "district": "全部记录 every row"},
    "district": {"city": "全部记录 every row", "district": "本区县的记录 rows of its district"},
    "uscc": {"city": "全部记录 every row", "enterprise": "涉及本企业的记录 rows that name the firm"},
    "district_and_uscc": {
        "city": "全部记录 every row",
        "district": "本区县的记录 rows of its district",
        "enterprise": "涉及本企业的记录 rows that name the firm",
    },
    "town": {
        "city": "全部记录 every row",
        "district": "本区县的记录 rows of its district",
        "town": "本镇街的记录 rows of its town",
        "enterprise": "涉及本企业的记录 rows that name the firm",
    },
}
_LOGICAL = {
    "string": "string",
    "int": "integer",
    "bigint": "integer",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "array<string>": "array",
}


def write(spec: Contract, folder: Path, database: Path | None = None) -> Path:
    """Write a contract's document into a folder, as ``area.table.odcs.yaml``."""
    path = folder / f"{spec.name}.odcs.yaml"
    path.write_text(as_yaml(document(spec, database)), encoding="utf-8")
    return path


def as_yaml(found: Document) -> str:
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(found, Dumper=dumper, allow_unicode=True, sort_keys=False, width=120))


def document(spec: Contract, database: Path | None = None) -> Document:
    """The document of a published table.

    Args:
        database: the file of a release that has the table; without one the document names no server.
    """
    found: Document = {
        "apiVersion": VERSION,
        "kind": "DataContract",
        "id": spec.name,
        "name": both(spec.title.zh, spec.title.en),
        "version": f"{spec.version}.0.0",
        "status": "active",
        "domain": spec.area,
        "dataProduct": PRODUCT,
        "description": {
            "purpose": both(spec.description_zh, spec.description),
            "usage": _usage(spec),
            "limitations": _limitations(spec),
        },
        "schema": [_table(spec)],
        "team": {"name": spec.owner, "description": "归口部门 office that owns the table"},
        "support": [
            {"channel": spec.owner, "description": "归口部门 office that answers questions about the table"}
        ],
        "roles": [
            {"role": role, "access": "read", "description": rows}
            for role, rows in _READERS[spec.access_key].items()
        ],
        "slaProperties": list(_service(spec)),
        "customProperties": [
            {"property": "accessKey", "value": spec.access_key},
            {"property": "legalBasis", "value": spec.legal_basis, "description": _BASES[spec.legal_basis]},
            {"property": "legalSource", "value": spec.legal_source},
        ],
    }
    if database:
        server = {
            "server": SERVER,
            "type": "duckdb",
            "description": "发布文件 file of a release",
            "database": str(database),
            "schema": spec.area,
        }
        found["servers"] = [server]
    return found


def _usage(spec: Contract) -> str:
    period = f"列 {spec.period} 为所属期 column {spec.period} is the period. " if spec.period else ""
    return (
        f"One row: {spec.grain}. {period}代码的名称在 release.code，字段说明在 release.dictionary "
        "titles of codes are in release.code, the dictionary is in release.dictionary."
    )


def _limitations(spec: Contract) -> str:
    rows = "；".join(dict.fromkeys(_READERS[spec.access_key].values()))
    return f"{spec.legal_source}：{_BASES[spec.legal_basis]}. 可见范围 rows that may be seen: {rows}."


# --- the table -----------------------------------------------------------------------------------------


def _table(spec: Contract) -> Document:
    found: Document = {
        "name": spec.table,
        "physicalName": spec.table,
        "physicalType": "table",
        "logicalType": "object",
        "businessName": both(spec.title.zh, spec.title.en),
        "description": both(spec.description_zh, spec.description),
        "dataGranularityDescription": spec.grain,
        "properties": [_property(spec, column) for column in spec.columns],
    }
    if rules := [rule for column in spec.columns for rule in _rules_of_rows(spec, column)]:
        found["quality"] = rules
    return found


def _property(spec: Contract, column: Column) -> Document:
    found: Document = {
        "name": column.name,
        "businessName": f"{column.zh} {column.en}",
        "description": both(column.description_zh, column.description),
        "logicalType": _logical_type(column),
        "physicalType": reader_type(column),
        "required": column.required,
        "classification": column.sensitivity,
    }
    if column.name in spec.key:
        found |= {"primaryKey": True, "primaryKeyPosition": spec.key.index(column.name) + 1}
    elif column.name == "row_id":
        found["unique"] = True
    if options := _options(column):
        found["logicalTypeOptions"] = options
    if _is_array(column):
        found["items"] = {"logicalType": "string"}
    if _is_written_out(column):
        found["quality"] = [_listed(column)]
    if column.made_of:
        found["transformSourceObjects"] = list(column.made_of)
    if more := list(_more(column)):
        found["customProperties"] = more
    return found


def _logical_type(column: Column) -> str:
    return "integer" if is_year(column.name) else _LOGICAL.get(column.type, "number")


def _options(column: Column) -> Document:
    """Limits and pattern of a column. A pattern of the standard matches anywhere, ours match the whole text."""
    domain = column.domain
    if is_year(column.name):  # text of four digits in a contract, a number in the release's file
        return {"minimum": 1000, "maximum": 9999}
    found: Document = {}
    if domain.min is not None:
        found["minimum"] = _number(domain.min)
    if domain.max is not None:
        found["maximum"] = _number(domain.max)
    if pattern := domain.pattern or (PATTERN if domain.check == "uscc" else None):
        found["pattern"] = f"^({pattern})$"
    return found


def _number(limit: Decimal) -> int | float:
    return int(limit) if limit == limit.to_integral_value() else float(limit)


def _is_array(column: Column) -> bool:
    return column.type.startswith("array")


def _is_written_out(column: Column) -> bool:
    """Whether the document has the column's codes; not those of arrays, of which datacontract-cli checks no items."""
    codes = column.domain.codes
    if not codes or _is_array(column) or stand_ins(codes):
        return False
    return len(titled(codes)) <= LONGEST_LIST


def _listed(column: Column) -> Document:
    codes = column.domain.codes or ""
    return _rule(f"{column.name}_code", _said_of_codes(column), "conformity") | {
        "metric": "invalidValues",
        "arguments": {"validValues": list(titled(codes))},
        "mustBe": 0,
    }


def _said_of_codes(column: Column) -> str:
    return f"{column.zh}在代码表内 {column.en} is in the code list {column.domain.codes}"


def _more(column: Column) -> Iterator[Document]:
    """What the standard has no place for."""
    if column.unit:
        yield {"property": "unit", "value": column.unit}
    if column.domain.codes:
        yield {"property": "codeList", "value": column.domain.codes}
    yield {"property": "legalBasis", "value": column.legal_basis}
    if column.rests_on_consent:
        yield {"property": "restsOnConsent", "value": True}
    if disclosed := column.disclosed:
        yield {"property": "disclosedBecause", "value": disclosed.because}
        if disclosed.counted_by:
            yield {"property": "countedBy", "value": disclosed.counted_by}
            yield {"property": "leastFirms", "value": disclosed.least_firms}


# --- rules that are queries ----------------------------------------------------------------------------


def _rules_of_rows(spec: Contract, column: Column) -> Iterator[Document]:
    """Rules of a column as counts of wrong rows, for what the standard's metrics cannot say."""
    name, domain = column.name, column.domain
    if domain.codes and not _is_written_out(column):
        yield _count(f"{name}_code", _said_of_codes(column), "conformity", _unlisted(column, domain.codes))
    if domain.check == "uscc":
        said = f"{column.zh}校验码正确 {column.en} has the right check character (GB 32100-2015)"
        yield _count(
            f"{name}_check_digit", said, "accuracy", f"SELECT count(*) FROM {{table}} WHERE {_checked(name)}"
        )
    if domain.not_before:
        earlier = spec.column(domain.not_before)
        said = f"{column.zh}不早于{earlier.zh} {column.en} is not before {earlier.en}"
        query = f"SELECT count(*) FROM {{table}} WHERE {name} < {earlier.name}"
        yield _count(f"{name}_order", said, "consistency", query)


def _rule(id_: str, said: str, dimension: str) -> Document:
    return {"id": id_, "description": said, "dimension": dimension, "severity": "error"}


def _count(id_: str, said: str, dimension: str, query: str) -> Document:
    return _rule(id_, said, dimension) | {
        "type": "sql",
        "query": query.replace("{table}", "${table}"),
        "mustBe": 0,
    }


def _unlisted(column: Column, codes: str) -> str:
    """Number of values, or items of an array, that are not in the release's code list; an array has no missing item."""
    value = f"unnest({column.name})" if _is_array(column) else column.name
    listed = f"(SELECT code FROM release.code WHERE list = '{codes}')"
    replaced = [
        f"regexp_replace(code, '{pattern}', '{stand_in}') NOT IN {listed}"
        for pattern, stand_in in stand_ins(codes).items()
    ]
    wrong = " AND ".join([f"code NOT IN {listed}", *replaced])
    if _is_array(column):
        wrong = f"code IS NULL OR ({wrong})"
    return f"SELECT count(*) FROM (SELECT {value} AS code FROM {{table}}) AS given WHERE {wrong}"


def _checked(name: str) -> str:
    """Condition on rows whose credit code has a wrong check character; the pattern checks the other characters."""
    terms = [
        f"{weight} * (strpos('{ALPHABET}', substr({name}, {i}, 1)) - 1)"
        for i, weight in enumerate((*WEIGHTS, 1), start=1)
    ]
    return f"({' + '.join(terms)}) % 31 <> 0"


# --- how soon ------------------------------------------------------------------------------------------


def _service(spec: Contract) -> Iterator[Document]:
    """How often rows of a new period come, and how long after it: when the last feed behind the table is due."""
    unit, said = ("y", "每年 yearly") if spec.period == "year" else ("m", "每月 monthly")
    element = f"{spec.table}.{spec.period}"
    yield {"property": "frequency", "value": 1, "unit": unit, "element": element, "description": said}
    if feeds := _feeds_behind(spec):
        last = max(feeds, key=lambda feed: (feed.source.lateness_days, feed.name))
        days = last.source.lateness_days
        yield {
            "property": "latency",
            "value": days,
            "unit": "d",
            "element": element,
            "description": f"最迟的数据源 {last.table}（{last.source.sender}）在期末后 {days} 天内报送 "
            f"the last feed, {last.title.en}, is due {days} days after the period",
        }


def _feeds_behind(spec: Contract) -> list[Feed]:
    """Feeds of which a table's columns are made, directly or through other tables."""
    seen: set[str] = set()
    ahead = [spec.name]
    while ahead:
        table = ahead.pop()
        if table in seen or table not in contracts():
            continue
        seen.add(table)
        ahead += [
            source.rpartition(".")[0] for column in contract(table).columns for source in column.made_of
        ]
    return [found for found in map(contract, sorted(seen)) if isinstance(found, Feed)]
