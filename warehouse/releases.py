"""Releases: all published tables at once, or none.

``releases/manifest-N.json`` alone makes release N exist. It is created only if absent, after everything it
names. It names the published tables and their versions, the release file and its hash, the rule sets, the code
version, the input versions and the gate's result. A rollback is a new manifest that points back.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from deltalake import CommitProperties, DeltaTable, write_deltalake

from schemas.contract import (
    Contract,
    code_list,
    code_lists,
    comment,
    contract,
    contracts,
    fields,
    table_comment,
)
from schemas.errors import RejectedError, UsageError
from warehouse.duck import connect, literal, load_delta
from warehouse.settings import settings
from warehouse.tables import create_if_absent, table_path, writing

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST = re.compile(r"manifest-(\d+)\.json")


@dataclass(frozen=True)
class PublishedTable:
    """A published Delta table at the version that the release names."""

    name: str
    path: Path
    version: int
    rows: int
    content_hash: str


@dataclass(frozen=True)
class Release:
    """An existing release. Opening one needs neither Spark nor the engine."""

    number: int
    manifest: Mapping[str, Any]

    @property
    def file(self) -> Path:
        return settings().releases / str(self.manifest["file"]["name"])

    @property
    def tables(self) -> dict[str, PublishedTable]:
        return {
            name: PublishedTable(
                name, published_path(name), entry["version"], entry["rows"], entry["content_hash"]
            )
            for name, entry in self.manifest["tables"].items()
        }

    @property
    def made_from(self) -> Mapping[str, Any]:
        """``closure`` and ``inputs`` (table → version) that were last seen to give this release's content."""
        try:
            seen: Mapping[str, Any] = json.loads(_same_content(self.number).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return self.manifest
        return seen

    def is_also_made_from(self, closure: str, inputs: Mapping[str, int]) -> None:
        """Remember that other code or inputs gave the same content: nobody has to look again."""
        partial = _same_content(self.number).with_suffix(".partial")
        partial.write_text(json.dumps({"closure": closure, "inputs": dict(inputs)}), encoding="utf-8")
        partial.replace(_same_content(self.number))


def _same_content(number: int) -> Path:
    return settings().releases / f"same-content-{number}.json"


def published_path(name: str) -> Path:
    area, table = name.split(".")
    return settings().warehouse / "published" / area / table


def published_contracts() -> list[Contract]:
    """Contracts of the tables that a release holds."""
    return [spec for spec in contracts().values() if spec.layer == "staged"]


def release_numbers() -> list[int]:
    found = (MANIFEST.fullmatch(p.name) for p in settings().releases.glob("manifest-*.json"))
    return sorted(int(match[1]) for match in found if match)


def open_release(number: int | None = None) -> Release:
    """A release, the latest one when no number is given.

    Raises:
        UsageError: there is no such release, or none yet.
    """
    numbers = release_numbers()
    if not numbers:
        raise UsageError("there is no release yet; ./brain demo makes one")
    number = numbers[-1] if number is None else number
    if number not in numbers:
        raise UsageError(f"there is no release {number}; there are {', '.join(map(str, numbers))}")
    text = (settings().releases / f"manifest-{number}.json").read_text(encoding="utf-8")
    return Release(number, json.loads(text))


def last_release() -> Release | None:
    return open_release() if release_numbers() else None


# --- making one ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Draft:
    """A release file under construction, holding the pinned tables, and each table's content hash."""

    path: Path
    hashes: Mapping[str, str]
    rows: Mapping[str, int]


#: Where more than this share of a release's file has changed, the next one is written anew. What is free is used
#: again, so that a file grows by no more than what it gains.
MOST_FREE = 0.8


@contextmanager
def draft(
    pins: Mapping[str, tuple[Path, int]], progress: Callable[[str, int], None], last: Release | None = None
) -> Iterator[Draft]:
    """Copy pinned Delta tables into a new DuckDB file, in key order, with comments; removed if left unused.

    Args:
        last: a release whose file has some of the tables at the pinned versions: they are not copied again.
    """
    folder = settings().releases
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"draft-{os.getpid()}.duckdb"
    try:
        same = _begun(path, pins, last)
        with _attached(path) as connection:
            hashes, rows = {}, {}
            for name, (source, version) in pins.items():
                spec = contract(name)
                if name in same:
                    hashes[name], rows[name] = same[name].content_hash, same[name].rows
                    _comment(connection, spec)
                    continue
                _copy_table(connection, spec, source, version)
                hashes[name], rows[name] = content_hash(connection, spec)
                progress(name, rows[name])
        yield Draft(path, hashes, rows)
    finally:
        path.unlink(missing_ok=True)
        path.with_suffix(".duckdb.wal").unlink(missing_ok=True)


@contextmanager
def _attached(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection whose tables are those of a file, which is made if it is not there."""
    with connect() as connection:
        load_delta(connection)
        # storage of 1.2 is what DuckDB 1.4 and older readers open as well
        connection.execute(f"ATTACH {literal(str(path))} AS draft (STORAGE_VERSION 'v1.2.0')")
        connection.execute("USE draft")
        yield connection
        connection.execute("USE memory")
        connection.execute("DETACH draft")


def _begun(
    path: Path, pins: Mapping[str, tuple[Path, int]], last: Release | None
) -> Mapping[str, PublishedTable]:
    """Begin a draft as a copy of a release's file without what has changed; the tables that it has then."""
    same = _kept_tables(pins, last)
    if last is None or not same:
        return {}
    shutil.copyfile(last.file, path)
    with _attached(path) as connection:
        connection.execute("DROP SCHEMA draft.release CASCADE")
        for (name,) in connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = 'draft'"
        ).fetchall():
            if name not in same:
                connection.execute(f"DROP TABLE draft.{name}")
        connection.execute("CHECKPOINT draft")
        found = connection.execute(
            "SELECT free_blocks, total_blocks FROM pragma_database_size() WHERE database_name = 'draft'"
        ).fetchone()
    assert found
    if found[0] <= found[1] * MOST_FREE:
        return same
    path.unlink()
    return {}


def _kept_tables(pins: Mapping[str, tuple[Path, int]], last: Release | None) -> dict[str, PublishedTable]:
    """Tables that a release's file has as they are pinned: the same version, with the columns of today's contract."""
    if last is None or not last.file.exists() or checksum(last.file) != last.manifest["file"]["sha256"]:
        return {}
    made_from = last.manifest["inputs"]
    versions_then = last.manifest.get("table_versions", {})
    with connect(last.file, read_only=True) as connection:
        found = connection.execute(
            "SELECT schema_name || '.' || table_name, list(column_name ORDER BY column_index) "
            "FROM duckdb_columns() GROUP BY ALL"
        ).fetchall()
    columns = dict(found)
    return {
        name: last.tables[name]
        for name, (_, version) in pins.items()
        if name in last.tables
        and made_from.get(name) == version
        and versions_then.get(name, 1) == contract(name).version
        and columns.get(name) == list(contract(name).column_names)
    }


def remove_leftovers() -> None:
    """Remove what a killed publisher left: drafts, unfinished manifests, the file of a release not made.

    For the holder of the lock ``publish`` only: another publisher's are not left over.
    """
    folder = settings().releases
    for pattern in ("draft-*", "*.partial", f"release-{next_number()}.duckdb*"):
        for path in folder.glob(pattern):
            path.unlink()


def _copy_table(connection: duckdb.DuckDBPyConnection, spec: Contract, source: Path, version: int) -> None:
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {spec.area}")
    columns = ", ".join(spec.column_names)
    # the latest period first: it is what most readers look for, and they see different rows of it
    order = [
        f"{c} DESC" if c == spec.period else c for c in dict.fromkeys([spec.period or "", *spec.key]) if c
    ]
    scan = f"delta_scan({literal(str(source))}, version := {version})"
    try:
        connection.execute(
            f"CREATE TABLE {spec.name} AS SELECT {columns} FROM {scan} ORDER BY {', '.join(order)}"
        )
    except duckdb.Error as error:
        line = str(error).splitlines()[0]
        raise RejectedError(f"{spec.name}: version {version} cannot be copied: {line[:200]}") from None
    _comment(connection, spec)


def _comment(connection: duckdb.DuckDBPyConnection, spec: Contract) -> None:
    connection.execute(f"COMMENT ON TABLE {spec.name} IS {literal(table_comment(spec))}")
    for column in spec.columns:
        connection.execute(f"COMMENT ON COLUMN {spec.name}.{column.name} IS {literal(comment(column))}")


def content_hash(connection: duckdb.DuckDBPyConnection, spec: Contract) -> tuple[str, int]:
    """Canonical hash of a table's content and its number of rows.

    Independent of the order of rows: each row's MD5 over its columns as text (provenance left out) is added
    up. A change of any value, and a row twice, changes it.
    """
    parts = ", ".join(f"coalesce({column}::VARCHAR, chr(30))" for column in spec.content_columns)
    row = connection.execute(
        f"SELECT coalesce(sum(h::HUGEINT), 0), coalesce(sum((h % 4294967291)::HUGEINT * (h // 4294967296)), 0),"
        f" count(*) FROM (SELECT md5_number_lower(concat_ws(chr(31), {parts})) AS h FROM {spec.name})"
    ).fetchone()
    assert row is not None
    return hashlib.sha256("|".join(map(str, row)).encode()).hexdigest()[:32], int(row[2])


def staged_content() -> Iterator[tuple[str, str, int]]:
    """Name, canonical content hash and number of rows of every staged table as it is now; nothing is published."""
    with connect() as connection:
        load_delta(connection)
        for spec in published_contracts():
            if not (table_path(spec.name) / "_delta_log").is_dir():
                continue
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {spec.area}")
            scan = f"delta_scan({literal(str(table_path(spec.name)))})"
            connection.execute(f"CREATE VIEW {spec.name} AS SELECT * FROM {scan}")
            yield spec.name, *content_hash(connection, spec)


def write_published(release_file: Path, name: str, wanted: str) -> int:
    """Write a table's content to its published Delta table; the version that holds it.

    Published tables have one writer, this function. A version that a killed run left with the same content
    is used as it is.
    """
    spec, path = contract(name), published_path(name)
    if (path / "_delta_log").is_dir():
        table = DeltaTable(str(path))
        last = table.history(1)[0]
        if last.get("content_hash") == wanted:
            return int(table.version())
    create_if_absent(spec, path)
    with connect(release_file, read_only=True) as connection:
        reader = connection.execute(f"SELECT * FROM {name}").to_arrow_reader(200_000)
        write_deltalake(
            str(path),
            _as_contract(reader, spec),
            mode="overwrite",
            schema_mode="overwrite",
            partition_by=[spec.period] if spec.period else None,
            commit_properties=CommitProperties(custom_metadata={"content_hash": wanted}),
        )
    return int(DeltaTable(str(path)).version())


def _as_contract(reader: Any, spec: Contract) -> Any:
    import pyarrow as pa

    from warehouse.tables import delta_schema

    schema = delta_schema(spec)
    return pa.RecordBatchReader.from_batches(
        schema, (pa.record_batch(list(batch.cast(schema).columns), schema=schema) for batch in reader)
    )


#: Tables of the schema ``release`` in every release file, with their comments.
DESCRIPTION = {
    "info": "版本说明 | About this release. One row per key.",
    "verdict": "校验结果 | Verdicts of the gate. One row per suite and expectation.",
    "rule_set": "规则集 | Rule sets in force. One row per rule set, whole as JSON.",
    "assumption": "规则假设 | What a rule set assumes. One row per rule set and field.",
    "delivery": "批次登记 | Deliveries taken in. One row per delivery and mapping.",
    "quarantine": "隔离统计 | Quarantined records. One row per feed, period and reason.",
    "correction": "更正统计 | Corrected records. One row per feed, period and heading.",
    "dictionary": "数据字典 | Data dictionary. One row per published column.",
    "code": "代码表 | Code lists. One row per list and code.",
}


#: Their columns, where the field dictionary has no entry of the name.
_TERMS = {
    "key": "项目 | Key.",
    "value": "内容 | Value.",
    "suite": "校验套件 | Suite.",
    "table": "表 | Table judged.",
    "table_name": "表 | Table.",
    "column_name": "字段 | Column.",
    "expectation": "校验项 | Expectation.",
    "title_zh": "中文名称 | Title in Chinese.",
    "title_en": "英文名称 | Title in English.",
    "level": "级别 | fail blocks publication, warn is reported.",
    "success": "是否通过 | Whether it held.",
    "evaluated": "检查行数 | Rows evaluated.",
    "unexpected": "不符行数 | Rows that should not be there.",
    "failing_keys": "不符主键 | Up to 20 keys of such rows.",
    "details": "说明 | Why it could not be evaluated, if so.",
    "source": "依据 | Source of the rule: document and article.",
    "content": "规则全文 | The rule set as JSON.",
    "field": "规则字段 | Field of the rule set, by its dotted path.",
    "why": "理由 | Why it is assumed.",
    "reason": "隔离原因 | Reason, as column:rule.",
    "records": "记录数 | Records.",
    "type": "类型 | Type.",
    "unit": "单位 | Unit.",
    "description": "说明 | Description.",
    "sensitivity": "敏感级别 | Sensitivity.",
    "list": "代码表 | Code list.",
    "code": "代码 | Code.",
    "zh": "中文 | In Chinese.",
    "en": "英文 | In English.",
}


def describe(path: Path, tables: Mapping[str, pa.Table]) -> None:
    """Add the schema ``release`` to a release file: what it is, verdicts, deliveries, dictionary, codes."""
    known = fields()
    with connect(path) as connection:
        connection.execute("CREATE SCHEMA release")
        for name, given in tables.items():
            connection.register("given", given)
            connection.execute(f"CREATE TABLE release.{name} AS SELECT * FROM given")
            connection.unregister("given")
            connection.execute(f"COMMENT ON TABLE release.{name} IS {literal(DESCRIPTION[name])}")
            for column in given.column_names:
                text = _TERMS.get(column) or comment(known[column])
                connection.execute(f'COMMENT ON COLUMN release.{name}."{column}" IS {literal(text)}')


def codes() -> list[dict[str, Any]]:
    """The code lists: one row per list and code, to be joined by readers."""
    return [
        {"list": name, "code": code, "zh": row["zh"], "en": row.get("en")}
        for name in code_lists()
        for code, row in code_list(name).items()
    ]


def dictionary() -> list[dict[str, Any]]:
    """The data dictionary: one row per published column."""
    return [
        {
            "table_name": spec.name, "column_name": c.name, "type": c.type, "unit": c.unit,
            "title_zh": c.zh, "title_en": c.en, "description": c.description, "sensitivity": c.sensitivity,
        }
        for spec in published_contracts()
        for c in spec.columns
    ]  # fmt: skip


def create_manifest(number: int, content: Mapping[str, Any]) -> Release:
    """Make release N exist; the last step, and the only one that counts.

    Raises:
        RejectedError: somebody else made release N meanwhile.
    """
    folder = settings().releases
    manifest = {"release": number, "created_at": datetime.now(UTC).isoformat(timespec="seconds"), **content}
    partial = folder / f"manifest-{number}.{os.getpid()}.partial"
    partial.write_text(json.dumps(manifest, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
    try:
        # a hard link is created only if absent, and complete at once
        os.link(partial, folder / f"manifest-{number}.json")
    except FileExistsError:
        raise RejectedError(
            f"release {number} was made by another publisher meanwhile; run it again"
        ) from None
    finally:
        partial.unlink()
    return open_release(number)


def next_number() -> int:
    return max(release_numbers(), default=0) + 1


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def rollback(number: int) -> Release:
    """A new release that is an old one again."""
    with writing("publish"):
        old = open_release(number)
        content = {k: v for k, v in old.manifest.items() if k not in ("release", "created_at", "rollback_of")}
        return create_manifest(next_number(), {**content, "rollback_of": number})
