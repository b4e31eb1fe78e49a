"""Feeds from a database give the same tables as from files, with each row once, and no password anywhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo_city.city import CitySpec, generate
from infra import postgres as servers
from ingest.register import corrections, quarantine
from ingest.register.decisions import restore, withdraw
from ingest.register.entries import deliveries
from ingest.ways import postgres
from ingest.ways.connections import Connection, parse_connection
from ingest.ways.database import pull
from ingest.ways.landing import ingest
from ingest.ways.manifest import drop_of_file
from ingest.ways.remap import remap
from ingest.ways.run import FileReport
from schemas.contract import ContractError, Feed, contract, feed, feeds
from schemas.errors import RejectedError, UsageError
from schemas.register import current_deliveries
from tests.built_city import one_line
from tests.changed_contracts import changed
from tests.ingest import sender_tables
from warehouse import duck, engine, tables
from warehouse.content import Content, content
from warehouse.settings import CHECKOUT, Settings, settings

NAME = "plant"

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[servers.Postgres]:
    """A server outside pytest's folder: if root runs the tests, the server's user has no access to that folder."""
    with tempfile.TemporaryDirectory() as name, servers.start(Path(name), is_durable=False) as started:
        yield started


@pytest.fixture
def home(cold_home: Path) -> Path:
    """A pull needs no engine."""
    return cold_home


@dataclass(frozen=True)
class Sender:
    """A database on the server: ``run`` acts as its owner, ``connection`` is for those who read it."""

    server: servers.Postgres
    database: str

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as open_one:
            cursor = open_one.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    @property
    def url(self) -> str:
        return self.server.url.removesuffix(self.server.database) + self.database

    @property
    def connection(self) -> Connection:
        return parse_connection(NAME, self.url)


@pytest.fixture
def sender(server: servers.Postgres, request: pytest.FixtureRequest) -> Sender:
    name = re.sub(r"\W", "_", request.node.name)[:50].lower() + str(abs(hash(request.node.nodeid)))[:6]
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return Sender(server, name)


def create_power(sender: Sender, *more: str) -> None:
    """Create the table of the feed gov_electricity; ``more`` are columns besides those that the mapping reads."""
    columns = [
        '"社会信用代码" text',
        '"户号" text',
        '"户名" text',
        '"电量(万千瓦时)" numeric',
        "period text",
        *more,
    ]
    sender.run(f"CREATE TABLE gov_electricity ({', '.join(columns)})")


GOOD = ["91350100M000100Y43", "91110000600037341L", "91370200797522673R"]


def use(sender: Sender, account: int, amount: str, period: str | None = "2023", *more: Any) -> None:
    """Insert a row, of one of the three enterprises in turn."""
    values = [GOOD[account % 3], f"{3302000000 + account}", "甲", amount, period, *more]
    sender.run(f"INSERT INTO gov_electricity VALUES ({', '.join(['%s'] * len(values))})", *values)


def change(sender: Sender, account: int, amount: str, assignments: str = "") -> None:
    statement = f'UPDATE gov_electricity SET "电量(万千瓦时)" = %s{assignments} WHERE "户号" = %s'
    sender.run(statement, amount, f"{3302000000 + account}")


def remove(sender: Sender, account: int) -> None:
    sender.run('DELETE FROM gov_electricity WHERE "户号" = %s', f"{3302000000 + account}")


POWER = "raw.gov_electricity"


@contextmanager
def read_as(tmp_path: Path, delivery: str, **database: Any) -> Iterator[None]:
    """The feed gov_electricity with another form of delivery and a database block."""

    def edit(raw: dict[str, Any]) -> None:
        raw["delivery"] = delivery
        raw["source"]["database"] = database

    with changed(tmp_path, POWER, edit):
        yield


def take(sender: Sender, **how: Any) -> list[tuple[str, str, int]]:
    """Pull the feed; returns period, state and records of each entry."""
    files = pull(["gov_electricity"], sender.connection, **how).files
    return [(f.period, f.state, f.records_in) for f in files]


def current(name: str) -> list[dict[str, Any]]:
    """Current rows, found without the engine: of a key the last row of increments, the first of events."""
    spec = contract(name)
    assert isinstance(spec, Feed)
    in_force = {(d["delivery_id"], d["mapping_hash"]) for d in current_deliveries(deliveries(), spec)}
    rows = tables.rows(name).to_pylist()
    rows = [r for r in rows if (r["delivery_id"], r["mapping_hash"]) in in_force]
    if spec.delivery == "snapshot":
        return rows
    rows.sort(
        key=lambda r: (r["known_at"], r["delivery_id"], r["source_row"]), reverse=spec.delivery == "event"
    )
    return list({tuple(r[k] for k in spec.key): r for r in rows}.values())


def power() -> dict[tuple[str, str], str]:
    """Current figures: period and account → kWh."""
    rows = current(POWER)
    found = {(r["period"], r["meter_account_code"][-3:]): str(r["power_kwh"]) for r in rows}
    assert len(found) == len(rows)
    return found


def versions() -> tuple[int, ...]:
    """Versions of the tables that a pull of the feed writes."""
    return tuple(tables.version(n) for n in (POWER, "raw.delivery", "quarantine.record") if tables.exists(n))


def kept() -> list[tuple[str, int]]:
    """Every row of the raw table, current or not: account and kWh."""
    rows = tables.rows(POWER, ["meter_account_code", "power_kwh"]).to_pylist()
    return sorted((r["meter_account_code"][-3:], int(r["power_kwh"])) for r in rows)


def canonical() -> dict[str, Content]:
    """Content and row count of each feed's table, all deliveries, and of the quarantine, without provenance."""
    with duck.connect() as connection:
        duck.load_delta(connection)
        connection.execute("CREATE SCHEMA raw; CREATE SCHEMA quarantine")
        found = {}
        for name in (*(spec.name for spec in feeds().values()), "quarantine.record"):
            if tables.exists(name):
                path = duck.literal(str(tables.table_path(name)))
                connection.execute(f"CREATE VIEW {name} AS SELECT * FROM delta_scan({path})")
                found[name] = content(connection, contract(name))
        return found


def reasons() -> Counter[tuple[str, str, str]]:
    rows = tables.rows("quarantine.record", ["feed", "period", "reasons", "record_key"]).to_pylist()
    return Counter((r["feed"], r["record_key"], "+".join(sorted(r["reasons"]))) for r in rows)


@contextmanager
def at(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("BRAIN_HOME", str(home))
        settings.cache_clear()
        yield
    settings.cache_clear()


@pytest.mark.slow
def test_the_city_from_a_database_equals_the_city_from_its_files(
    home: Path, tmp_path: Path, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = tmp_path / "files" / "landing"
    generate(CitySpec(scale=0.005, years=(2022, 2023, 2024), slips=False), landing, tmp_path / "truth")
    with at(tmp_path / "files", monkeypatch):
        ingest()
        by_files, refused = canonical(), reasons()
    every = sender_tables.lots(landing)
    of_feed: dict[str, list[sender_tables.Lot]] = defaultdict(list)
    for lot in every:
        of_feed[lot.feed].append(lot)
    later, seen = [], set()
    with psycopg.connect(sender.url, autocommit=True) as connection:
        types = {name: sender_tables.create(connection, name, found) for name, found in of_feed.items()}
        for lot in every:
            place = (lot.feed, lot.period, lot.part)
            # corrected files come one by one, and so do meter readings, because late ones are refused
            if place in seen or lot.feed == "ent_meter_reading":
                later.append(lot)
            else:
                sender_tables.put(connection, lot, types[lot.feed])
            seen.add(place)
        first = pull([name for name in of_feed if name != "ent_meter_reading"], sender.connection)
        assert first.rejected == []
        for lot in later:
            if lot.feed != "ent_meter_reading":
                sender_tables.take_back(connection, lot)
            sender_tables.put(connection, lot, types[lot.feed])
            is_reading = lot.feed == "ent_meter_reading"
            report = pull([lot.feed], sender.connection, now=lot.sent_at if is_reading else None)
            expected = "repeated" if lot.file.endswith("_copy.csv") else "taken"
            assert [f.state for f in report.files] == [expected], report.files
            if is_reading:
                assert report.files[0].records_in == len(lot.rows), "rows of earlier days are left out"
    assert {kind for found in types.values() for kind in found.values()} == {
        "text", "numeric", "date", "timestamptz", "integer"
    }  # fmt: skip
    from_tables = canonical()
    assert {n for n in by_files if by_files[n] != from_tables.get(n)} == set()
    assert set(by_files) == set(from_tables) and len(by_files) == len(of_feed) + 1
    assert reasons() == refused and refused.total() > 20
    assert {f.state for f in pull(None, sender.connection).files} == {"repeated"}
    assert canonical() == from_tables


def test_every_value_is_printed_as_a_text_that_reads_back_the_same(home: Path, sender: Sender) -> None:
    sender.run(
        """CREATE TABLE printed AS SELECT * FROM (VALUES
        (1, 12345678901234567890123.000000000000000000001::numeric, 0.0000001::numeric, 1.50::numeric(9,2),
            9223372036854775807, 0.1::float8, 1e300::float8, 1.1::real, true, NULL::text,
            DATE '2024-02-29', DATE 'infinity', TIMESTAMP '1986-05-04 02:30:00.000001', TIMESTAMP '2024-01-01 10:00',
            TIMESTAMPTZ '2023-12-31 16:00:00+00', ' a"\\b ' || chr(10) || '甲', 'x'::char(5),
            '{"a": 1}'::jsonb, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid),
        (2, 'NaN', 0, -0.05, -1, '-Infinity', '-0'::float8, 1e-7, false, '', DATE '0044-01-01', NULL, NULL, NULL, NULL,
            NULL, NULL, NULL, NULL)) AS v"""
    )
    expected = [
        ("1", "12345678901234567890123.000000000000000000001", "0.0000001", "1.5", "9223372036854775807", "0.1",
         "1e+300", "1.1", "true", None, "2024/2/29", "infinity", "1986-05-04T02:30:00.000001",
         "2024-01-01T10:00:00", "2024-01-01T00:00:00+08:00", ' a"\\b \n甲', "x", '{"a": 1}',
         "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("2", "NaN", "0", "-0.05", "-1", "-Infinity", "-0", "1e-07", "false", "", "0044/1/1", *[None] * 8),
    ]  # fmt: skip
    reader = postgres.Reader(sender.connection)
    columns = reader.tables({"printed": "printed"})["printed"]
    texts = ", ".join(f"{postgres.printed(c, 'yyyy/M/d')} AS c{i}" for i, c in enumerate(columns.values()))
    reader.write(f"SELECT {texts} FROM printed", home / "out", "printed")
    found = duck.connect().execute(f"FROM read_parquet('{home}/out/*.parquet') ORDER BY c0").fetchall()
    assert found == expected
    assert all(pa.types.is_string(f.type) for f in pq.read_schema(next((home / "out").glob("*.parquet"))))


def test_a_text_does_not_depend_on_the_settings_of_a_database(home: Path, sender: Sender) -> None:
    with psycopg.connect(sender.url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{sender.database}_cn"')
        connection.execute(
            f"CREATE DATABASE \"{sender.database}_cn\" ENCODING 'EUC_CN' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    chinese = replace(sender, database=f"{sender.database}_cn")
    for name, value in {
        "extra_float_digits": "-10", "DateStyle": "'SQL, DMY'", "TimeZone": "'America/New_York'",
        "standard_conforming_strings": "off", "default_transaction_isolation": "serializable",
    }.items():  # fmt: skip
        chinese.run(f'ALTER DATABASE "{chinese.database}" SET {name} = {value}')
    statement = """CREATE TABLE printed AS SELECT '宁波' AS town, 0.1::float8 + 0.2 AS sum, 1.1::real AS short,
        DATE '0044-01-01 BC' AS day, TIMESTAMPTZ '0044-01-01 12:00:00+00 BC' AS moment, 1 AS "a\\b" """
    texts = []
    for one in (sender, chinese):
        one.run(statement)
        reader = postgres.Reader(one.connection)
        columns = reader.tables({"a\\'b": "printed"})["a\\'b"]
        listed = ", ".join(f"{postgres.printed(c)} AS c{i}" for i, c in enumerate(columns.values()))
        folder = home / one.database
        reader.write(f"SELECT {listed} FROM printed WHERE '\\' <> ''", folder, "printed")
        texts.append(pq.read_table(folder).to_pylist())
    [row] = texts[0]
    expected = ["宁波", "0.30000000000000004", "1.1", "0044-01-01 BC", "0044-01-01 12:00:00+00 BC", "1"]
    assert list(row.values()) == expected and texts[1] == texts[0]


def test_a_table_is_never_completely_in_memory(home: Path, sender: Sender) -> None:
    code = """
import resource, sys
from pathlib import Path
from ingest.ways.connections import connection_from_environment
from ingest.ways.postgres import Reader

reader = Reader(connection_from_environment("plant"))
reader.tables({"a": "a"})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
reader.write("SELECT repeat('x', 1000) || g AS c FROM generate_series(1, 200000) g", Path(sys.argv[1]), "a")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(home / "out")], env={**os.environ, "AIRFLOW_CONN_PLANT": sender.url},
        cwd=CHECKOUT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert pq.ParquetFile(home / "out" / "rows.parquet").metadata.num_rows == 200_000
    assert int(done.stdout) < 80 * 1024, "of 200 MB"


def test_writes_of_a_view_that_is_read_are_committed(home: Path, sender: Sender) -> None:
    create_power(sender)
    use(sender, 1, "1")
    sender.run(
        """CREATE TABLE seen (who text);
        CREATE FUNCTION see() RETURNS text LANGUAGE sql AS $$ INSERT INTO seen VALUES (current_user) RETURNING who $$;
        ALTER TABLE gov_electricity RENAME TO power;
        CREATE VIEW gov_electricity AS SELECT "社会信用代码", "户号", "户名", "电量(万千瓦时)",
            left(see(), 0) || period AS period FROM power"""
    )
    assert take(sender) == [("2023", "taken", 1)]
    assert sender.run("SELECT DISTINCT who FROM seen") == [("brain",)]


def test_a_missing_cell_is_kept_as_missing_and_mapped_as_empty(home: Path, sender: Sender) -> None:
    create_power(sender, "extra text")
    use(sender, 1, "12.5")
    sender.run("INSERT INTO gov_electricity VALUES (NULL, '3302000002', '乙', '7', '2023')")
    [file] = pull(["gov_electricity"], sender.connection).files
    assert (file.records_in, file.records_raw, file.records_quarantined) == (2, 1, 1)
    assert file.message == "columns not in the mapping, not read: extra"
    [refused] = tables.rows("quarantine.record").to_pylist()
    assert refused["reasons"] == ["uscc:missing"] and refused["source_record"] == ["3302000002", None, "7"]
    [row] = current(POWER)
    assert (str(row["power_kwh"]), row["source_row"], row["source_file"]) == (
        "125000.00",
        1,
        f"{NAME}:gov_electricity",
    )
    [shown] = quarantine.quarantined("gov_electricity")
    assert shown.cells["社会信用代码"] == ""
    # kept records can be remapped, like those of files
    corrections.correct(shown, {"社会信用代码": GOOD[2]}, "核实", "张三")
    assert [f.records_raw for f in remap("gov_electricity").files] == [2]
    assert power() == {("2023", "001"): "125000.00", ("2023", "002"): "70000.00"}
    assert take(sender) == [("", "repeated", 0)], "the sender's table is unchanged"


def test_a_json_feed_keeps_its_records_as_json(home: Path, sender: Sender) -> None:
    spec = feed("gov_energy")
    columns = ", ".join(f'"{h}" text' for h in spec.source.headings)
    sender.run(f"CREATE TABLE gov_energy ({columns})")
    values: dict[str, str | None] = {
        m.heading: GOOD[0] if n == "uscc" else "3" for n, m in spec.source.mapping.items() if m.heading
    }
    values |= dict.fromkeys([spec.source.headings[-1]])
    sender.run(f"INSERT INTO gov_energy VALUES ({', '.join(['%s'] * len(values))})", *values.values())
    pull(["gov_energy"], sender.connection, period="2023")
    taken, refused = tables.rows(spec.name).to_pylist(), tables.rows("quarantine.record").to_pylist()
    [row] = taken + refused
    assert json.loads(row["source_record"][0]) == values and row["period"] == "2023"


def test_a_snapshot_is_a_delivery_for_each_period_and_unchanged_periods_are_not_written(
    home: Path, sender: Sender
) -> None:
    create_power(sender)
    use(sender, 1, "1", "2022")
    use(sender, 1, "3")
    use(sender, 2, "2")
    assert take(sender) == [("2022", "taken", 1), ("2023", "taken", 2)]
    before = versions()
    change(sender, 1, "3")  # in 2022 and 2023; with 2022 reset below, the same rows are in another order
    sender.run("UPDATE gov_electricity SET \"电量(万千瓦时)\" = 1 WHERE period = '2022'")
    accounts = [
        a for (a,) in sender.run("SELECT right(\"户号\", 1) FROM gov_electricity WHERE period = '2023'")
    ]
    assert accounts == ["2", "1"]
    assert take(sender) == [("", "repeated", 0)] and versions() == before
    change(sender, 2, "9")
    remove(sender, 1)
    assert take(sender) == [("2023", "taken", 1)], "2022 is removed, but this contract withdraws no periods"
    assert power() == {("2022", "001"): "10000.00", ("2023", "002"): "90000.00"}


def test_earlier_content_of_a_table_is_current_again_without_being_written_again(
    home: Path, sender: Sender
) -> None:
    create_power(sender)
    use(sender, 1, "1")
    take(sender)
    change(sender, 1, "2")
    take(sender)
    rows = versions()[0]
    change(sender, 1, "1")
    assert take(sender) == [("2023", "taken", 1)]
    assert power() == {("2023", "001"): "10000.00"}
    assert versions()[0] == rows and len(deliveries()) == 3
    assert take(sender) == [("", "repeated", 0)]
    change(sender, 1, "2")
    assert take(sender) == [("2023", "taken", 1)]
    assert power() == {("2023", "001"): "20000.00"} and kept() == [("001", 10000), ("001", 20000)]


def test_a_file_and_a_table_supersede_each_other(home: Path, sender: Sender, tmp_path: Path) -> None:
    def send(name: str, amount: str) -> None:
        path = tmp_path / name
        path.write_text(
            f"社会信用代码,户号,户名,电量(万千瓦时)\n{GOOD[1]},3302000001,甲,{amount}\n", encoding="utf-8"
        )
        ingest(drops=[drop_of_file(path, feed("gov_electricity"), "2023")])

    create_power(sender)
    use(sender, 1, "6")
    with read_as(tmp_path, "snapshot", withdraws=True):
        for number, amount in enumerate(["5", "7"]):
            send(f"{number}.csv", amount)
            assert power() == {("2023", "001"): f"{amount}0000.00"}
            assert take(sender) == [("2023", "taken", 1)]
            assert power() == {("2023", "001"): "60000.00"}
        use(sender, 1, "6", "2022")
        send("3.csv", "8")
        remove(sender, 1)
        use(sender, 2, "1", "2022")
        assert take(sender) == [("2022", "taken", 1)]
        assert power()["2023", "001"] == "80000.00", "a table does not withdraw the rows of a file"


def test_a_period_may_be_named(home: Path, sender: Sender, tmp_path: Path) -> None:
    create_power(sender)
    use(sender, 1, "1", "2022")
    use(sender, 1, "3")
    assert take(sender, period="2022") == [("2022", "taken", 1)]
    [file] = pull(["gov_electricity"], sender.connection, period="2021").rejected
    assert file.message == f"{NAME}:gov_electricity: no row of 2021 in the table; ask 国网宁波供电公司"
    sender.run("ALTER TABLE gov_electricity DROP COLUMN period")
    [file] = pull(["gov_electricity"], sender.connection).rejected
    assert "no column period with the rows' periods" in file.message and "--period" in file.message
    sender.run('DELETE FROM gov_electricity WHERE "电量(万千瓦时)" = 1')
    assert take(sender, period="2023") == [("2023", "taken", 1)]
    with pytest.raises(UsageError, match="--period twenty: give a year"):
        take(sender, period="twenty")


def test_a_period_that_the_feed_cannot_have_is_refused(home: Path, sender: Sender) -> None:
    create_power(sender)
    use(sender, 1, "1", "2024-03-01")
    sender.run("ALTER TABLE gov_electricity ALTER period TYPE date USING period::date")
    line = refusal(sender)
    assert "1 rows without a period of the feed: 2024-03-01 does not suit gov_electricity" in line
    with pytest.raises(UsageError, match="--period 2024-03-01: 2024-03-01 does not suit gov_electricity"):
        take(sender, period="2024-03-01")
    assert not tables.exists(POWER) and deliveries() == []


def test_a_table_with_a_year_and_its_months_is_refused(home: Path, sender: Sender) -> None:
    create_power(sender)
    use(sender, 1, "1", "2024-03")
    use(sender, 1, "2", "2024-04")
    take(sender)
    use(sender, 1, "9", "2024")
    assert "rows of 2024 and of 2024-03, which is in it" in refusal(sender)
    sender.run("DELETE FROM gov_electricity WHERE period <> '2024'")
    assert "its period 2024 overlaps with 2024-03 (plant:gov_electricity, delivery " in refusal(sender)
    assert power() == {("2024-03", "001"): "10000.00", ("2024-04", "001"): "20000.00"}
    assert take(sender, replaces=True) == [("2024", "taken", 1)]
    assert power() == {("2024", "001"): "90000.00"}
    assert take(sender) == [("", "repeated", 0)]


def test_months_that_their_year_replaces_in_a_table_are_withdrawn(
    home: Path, sender: Sender, tmp_path: Path
) -> None:
    create_power(sender)
    with read_as(tmp_path, "snapshot", withdraws=True):
        use(sender, 1, "1", "2024-03")
        take(sender)
        sender.run("UPDATE gov_electricity SET period = '2024'")
        assert take(sender) == [("2024-03", "taken", 0), ("2024", "taken", 1)]
        assert power() == {("2024", "001"): "10000.00"}


def last_delivery() -> str:
    return str(max(deliveries(), key=lambda d: d["sequence"])["delivery_id"])


def test_rows_of_a_withdrawn_snapshot_return_only_if_a_person_restores_it(
    home: Path, sender: Sender, tmp_path: Path
) -> None:
    create_power(sender)
    with read_as(tmp_path, "snapshot", withdraws=True):
        use(sender, 1, "1")
        take(sender)
        change(sender, 1, "9")
        take(sender)
        wrong = last_delivery()
        withdraw(wrong, "错报", "张三")
        assert power() == {("2023", "001"): "10000.00"}
        [again] = pull(["gov_electricity"], sender.connection).files
        assert (
            again.state == "repeated"
            and "the same rows as before, and it was withdrawn by 张三" in again.message
        )
        assert power() == {("2023", "001"): "10000.00"}
        change(sender, 1, "8")
        assert take(sender) == [("2023", "taken", 1)] and power() == {("2023", "001"): "80000.00"}
        # a period is removed, and a person withdraws its removal
        use(sender, 1, "1", "2022")
        remove(sender, 1)
        use(sender, 1, "1", "2022")
        assert take(sender) == [("2023", "taken", 0), ("2022", "taken", 1)]
        removal = next(d["delivery_id"] for d in deliveries() if not d["records_in"])
        withdraw(removal, "仍有效", "张三")
        assert take(sender) == [("2023", "repeated", 0)]
        assert power() == {("2022", "001"): "10000.00", ("2023", "001"): "80000.00"}
        restore(wrong, "无误", "张三")
        restore(removal, "确已撤销", "张三")
        assert power() == {("2022", "001"): "10000.00"}


@pytest.mark.parametrize("delivery", ["event", "increment"])
def test_withdrawn_additions_return_only_if_a_person_restores_them(
    home: Path, sender: Sender, tmp_path: Path, delivery: str
) -> None:
    create_power(sender)
    with read_as(tmp_path, delivery):
        use(sender, 1, "1")
        take(sender)
        use(sender, 2, "2")
        take(sender)
        withdraw(last_delivery(), "错报", "张三")
        assert power() == {("2023", "001"): "10000.00"}
        assert take(sender) == [("", "repeated", 0)] == take(sender, full=True)
        use(sender, 3, "3")
        assert take(sender) == [("2023", "taken", 1)]
        assert power() == {("2023", "001"): "10000.00", ("2023", "003"): "30000.00"}


def test_a_pull_with_too_many_refused_rows_is_held(home: Path, sender: Sender) -> None:
    create_power(sender)
    use(sender, 1, "1")
    take(sender)
    for account in range(2, 9):
        use(sender, account, "-1")
    [held] = pull(["gov_electricity"], sender.connection).held
    assert "7 of 8 records of 2023 broke their contract" in held.message
    assert power() == {("2023", "001"): "10000.00"}
    [again] = pull(["gov_electricity"], sender.connection).files
    assert again.state == "repeated" and "it is held (7 of 8 records" in again.message
    use(sender, 9, "9")
    assert take(sender, accepted_by="张三") == [("2023", "taken", 9)]
    assert power() == {("2023", "001"): "10000.00", ("2023", "009"): "90000.00"}


def test_a_watermark_limits_a_snapshot_to_its_changed_periods(
    home: Path, sender: Sender, tmp_path: Path
) -> None:
    with read_as(tmp_path, "snapshot", watermark="changed_at", overlap=60):
        create_power(sender, "changed_at timestamp DEFAULT clock_timestamp()")
        use(sender, 1, "1", "2022")
        use(sender, 2, "2")
        use(sender, 3, "3")
        assert take(sender) == [("2022", "taken", 1), ("2023", "taken", 2)]
        sender.run("UPDATE gov_electricity SET changed_at = changed_at - interval '1 year'")
        _set_back(timedelta(days=300))
        change(sender, 2, "9", ", changed_at = clock_timestamp()")
        # a change that does not move the watermark
        sender.run("UPDATE gov_electricity SET \"电量(万千瓦时)\" = 7 WHERE period = '2022'")
        remove(sender, 3)
        assert take(sender) == [("2023", "taken", 1)]
        assert power() == {("2022", "001"): "10000.00", ("2023", "002"): "90000.00"}
        assert take(sender, full=True) == [("2022", "taken", 1)]
        assert power()["2022", "001"] == "70000.00"


def _set_back(by: timedelta) -> None:
    """Move the feed's watermark back, as if the feed had last been read so much earlier."""
    path = settings().home / "watermarks" / "gov_electricity.json"
    mark = json.loads(path.read_text(encoding="utf-8"))
    mark["last"] = (datetime.fromisoformat(mark["last"]) - by).isoformat()
    path.write_text(json.dumps(mark), encoding="utf-8")


def test_a_removed_row_is_found_by_comparing_keys(home: Path, sender: Sender, tmp_path: Path) -> None:
    def rows() -> dict[tuple[str, str], str]:
        """The sender's rows, read independently."""
        cells = sender.run('SELECT period, right("户号", 3), "电量(万千瓦时)" FROM gov_electricity')
        return {(period, account): f"{amount * 10000:.2f}" for period, account, amount in cells}

    with read_as(tmp_path, "snapshot", watermark="changed_at", withdraws=True):
        create_power(sender, "changed_at timestamptz")
        for account in range(1, 7):
            use(
                sender, account, str(account), str(2021 + account % 3), datetime(2024, 1, account, tzinfo=UTC)
            )
        assert [state for _, state, _ in take(sender)] == ["taken"] * 3 and power() == rows()
        before = versions()
        assert take(sender) == [("", "repeated", 0)] and versions() == before
        remove(sender, 1)  # a row of 2022; the other row of 2022 is older than the watermark
        assert take(sender) == [("2022", "taken", 1)] and power() == rows()
        use(sender, 1, "8", "2022", datetime(2020, 1, 1, tzinfo=UTC))  # long before the watermark
        assert take(sender) == [("2022", "taken", 2)] and power() == rows()
        sender.run("CREATE TABLE aside AS SELECT * FROM gov_electricity WHERE period = '2023'")
        sender.run("DELETE FROM gov_electricity WHERE period = '2023'")
        [file] = pull(["gov_electricity"], sender.connection).files
        assert (file.period, file.state, file.records_in) == ("2023", "taken", 0)
        assert file.message == "the table has no rows of this period any more; the period is withdrawn"
        assert power() == rows() and len(rows()) == 4
        assert take(sender) == [("", "repeated", 0)], "withdrawn once"
        table = versions()[0]
        sender.run("INSERT INTO gov_electricity SELECT * FROM aside")
        assert take(sender) == [("2023", "taken", 2)] and power() == rows() and versions()[0] == table
        sender.run("DELETE FROM gov_electricity WHERE period = '2023'")
        assert take(sender, full=True) == [("2023", "taken", 0)] and power() == rows()
        sender.run("DELETE FROM gov_electricity")
        [file] = pull(["gov_electricity"], sender.connection).rejected
        assert file.message.endswith("no row in the table; ask 国网宁波供电公司")
        assert len(power()) == 4, "an empty table is a fault and withdraws nothing"


NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "bigint"])
def test_an_increment_reads_new_rows_and_rows_that_were_committed_late(
    home: Path, sender: Sender, tmp_path: Path, kind: str
) -> None:
    def at(hours: float) -> Any:
        return round(hours * 3600) if kind == "bigint" else NOON + hours * HOUR

    with read_as(tmp_path, "increment", watermark="changed", overlap=3600):
        create_power(sender, f"changed {kind}")
        use(sender, 1, "1", "2023", at(10))
        use(sender, 2, "2", "2023", at(10.5))
        assert take(sender) == [("2023", "taken", 2)]
        before = versions()
        assert take(sender) == [("", "repeated", 0)] and versions() == before
        use(sender, 3, "3", "2023", at(9.75))  # older than the last row, committed after it
        use(sender, 4, "4", "2023", at(9.25))  # too late for the overlap
        use(sender, 5, "5", "2023", None)
        assert take(sender) == [("2023", "taken", 2)]
        assert kept() == [("001", 10000), ("002", 20000), ("003", 30000), ("005", 50000)]
        assert take(sender) == [("", "repeated", 0)]
        change(sender, 1, "8", ", changed = changed" if kind == "bigint" else "")
        sender.run("UPDATE gov_electricity SET changed = %s WHERE \"户号\" = '3302000001'", at(11))
        assert take(sender) == [("2023", "taken", 1)] and power()["2023", "001"] == "80000.00"
        change(sender, 1, "1")
        sender.run("UPDATE gov_electricity SET changed = %s WHERE \"户号\" = '3302000001'", at(12))
        assert take(sender) == [("2023", "taken", 1)] and power()["2023", "001"] == "10000.00"
        assert take(sender, full=True) == [("2023", "taken", 1)], "the row that was too late"
        assert take(sender, full=True) == [("", "repeated", 0)]
        for lost in (settings().home / "watermarks").iterdir():
            lost.unlink()
        assert take(sender) == [("", "repeated", 0)]
        amounts = [10000, 10000, 80000, 20000, 30000, 40000, 50000]
        assert kept() == sorted(zip(["001"] * 3 + ["002", "003", "004", "005"], amounts, strict=True))


def test_the_later_row_of_a_repeated_key_is_current_however_often_it_is_read(
    home: Path, sender: Sender, tmp_path: Path
) -> None:
    with read_as(tmp_path, "increment", watermark="changed", overlap=100):
        create_power(sender, "changed integer")
        use(sender, 1, "9", "2023", 1)
        use(sender, 1, "1", "2023", 2)
        assert take(sender) == [("2023", "taken", 2)] and power() == {("2023", "001"): "10000.00"}
        assert take(sender) == [("", "repeated", 0)]
        use(sender, 1, "5", "2023", 3)
        assert take(sender) == [("2023", "taken", 1)] and power() == {("2023", "001"): "50000.00"}
        assert kept() == [("001", 10000), ("001", 50000), ("001", 90000)]


def test_rows_that_state_their_period_are_compared_within_it(home: Path, sender: Sender) -> None:
    sender.run(
        """CREATE TABLE ent_need ("诉求编号" text, "统一社会信用代码" text, "诉求类别" text, "诉求内容" text,
        "提出日期" date, "办理状态" text, "更新时间" timestamptz, "办理部门" text)"""
    )

    def insert(state: str, day: str) -> None:
        values = [
            "SQ2024000001",
            GOOD[0],
            "用地",
            "扩建",
            "2023-12-01",
            state,
            f"2024-{day}T00:30:00+08:00",
            None,
        ]
        sender.run(f"INSERT INTO ent_need VALUES ({', '.join(['%s'] * 8)})", *values)

    insert("已受理", "01-01")
    insert("办理中", "02-01")
    sender.run("INSERT INTO ent_need VALUES ('SQ2024000002')")
    now = datetime(2024, 3, 1, tzinfo=UTC)

    def pulled() -> list[tuple[str, str, int]]:
        files = pull(["ent_need"], sender.connection, now=now).files
        return [(f.period, f.state, f.records_in) for f in files]

    def states() -> dict[str, str]:
        return {r["period"]: r["need_state_code"] for r in current("raw.ent_need")}

    assert pulled() == [("2024-03", "taken", 3)]
    assert states() == {"2024-01": "received", "2024-02": "handling"}, "the day in China gives the month"
    assert pulled() == [("", "repeated", 0)]
    now += HOUR
    sender.run("""UPDATE ent_need SET "办理状态" = '不予受理' WHERE "办理状态" = '已受理'""")
    assert pulled() == [("2024-03", "taken", 1)]
    assert states() == {"2024-01": "rejected", "2024-02": "handling"}
    assert pulled() == [("", "repeated", 0)]
    assert tables.rows("quarantine.record").num_rows == 1
    [file] = pull(["ent_need"], sender.connection, period="2024-01").rejected
    assert file.message.endswith("its rows state their own periods; leave --period out")


def test_a_pull_of_one_period_moves_no_watermark(home: Path, sender: Sender, tmp_path: Path) -> None:
    with read_as(tmp_path, "increment", watermark="changed"):
        create_power(sender, "changed integer")
        use(sender, 1, "1", "2022", 1)
        use(sender, 1, "1", "2023", 9)
        assert take(sender, period="2023") == [("2023", "taken", 1)]
        assert take(sender) == [("2022", "taken", 1)]
        assert take(sender) == [("", "repeated", 0)]


def test_as_many_copies_of_an_event_are_ingested_as_the_table_has(
    home: Path, sender: Sender, tmp_path: Path
) -> None:
    with read_as(tmp_path, "event"):
        create_power(sender)
        use(sender, 1, "1")
        use(sender, 1, "1")
        sender.run("INSERT INTO gov_electricity VALUES ('none', '3302000002', NULL, '7', '2023')")
        assert take(sender) == [("2023", "taken", 3)]
        assert take(sender) == [("", "repeated", 0)]
        use(sender, 1, "1")
        assert take(sender) == [("2023", "taken", 1)]
        use(sender, 1, "1")
        use(sender, 1, "1", "2022")
        assert take(sender) == [("2022", "taken", 1), ("2023", "taken", 1)]
        assert kept() == [("001", 10000)] * 5
        assert len(current(POWER)) == 2 and tables.rows("quarantine.record").num_rows == 1
        assert take(sender) == [("", "repeated", 0)]


def test_a_row_dated_in_the_future_does_not_hide_earlier_rows(
    home: Path, sender: Sender, tmp_path: Path
) -> None:
    with read_as(tmp_path, "increment", watermark="changed"):
        create_power(sender, "changed timestamptz")
        use(sender, 1, "1", "2023", NOON)
        use(sender, 2, "2", "2023", datetime(2999, 1, 1, tzinfo=UTC))
        sender.run("INSERT INTO gov_electricity VALUES ('', '3302000009', '', 9, '2023', 'infinity')")
        assert take(sender) == [("2023", "taken", 3)]
        use(sender, 3, "3", "2023", NOON + HOUR)
        assert take(sender) == [("2023", "taken", 1)] and take(sender) == [("", "repeated", 0)]


_KILLED = """
import os, signal, sys
from ingest.ways import database, run
from ingest.ways.connections import connection_from_environment
from ingest.ways.pull.watermarks import Mark

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

where = {"register": (run, "register"), "mark": (Mark, "save"), "table": (run.tables, "add_files")}
setattr(*where[sys.argv[1]], killed)
database.pull(["gov_electricity"], connection_from_environment("plant"))
"""


@pytest.mark.parametrize("where", ["table", "register", "mark"])
def test_after_a_kill_each_row_exists_once(
    home: Path, sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    with read_as(tmp_path, "event", watermark="changed"):
        create_power(sender, "changed integer")
        for account in range(1, 4):
            use(sender, account, str(account), "2023", account)
        sender.run("INSERT INTO gov_electricity VALUES ('none', '3302000009', '', 9, '2023', 4)")
        code = _KILLED.replace("import os", f"from schemas import contract\nfrom pathlib import Path\n"
                               f"contract.SCHEMAS = Path({str(tmp_path / 'schemas')!r})\nimport os", 1)  # fmt: skip
        environment = {**os.environ, "AIRFLOW_CONN_PLANT": sender.url}
        done = subprocess.run(
            [sys.executable, "-c", code, where],
            env=environment,
            cwd=CHECKOUT,
            capture_output=True,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        is_registered = where == "mark"
        assert len(deliveries()) == is_registered and not (home / "watermarks").exists()
        use(sender, 5, "5", "2023", 5)
        assert take(sender) == [("2023", "taken", 1 if is_registered else 5)]
        assert kept() == [("001", 10000), ("002", 20000), ("003", 30000), ("005", 50000)]
        assert tables.rows("quarantine.record").num_rows == 1
        assert take(sender) == [("", "repeated", 0)]
        assert json.loads((home / "watermarks" / "gov_electricity.json").read_text())["last"] == 5


def test_nothing_of_a_table_is_ingested_if_the_server_is_killed_while_it_is_read(home: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        own = servers.start(Path(folder), is_durable=False)
        try:
            sender = Sender(own, own.database)
            many(sender, "pg_sleep(60)")
            create_zone(sender)
            killer = threading.Thread(target=_kill_when_it_sleeps, args=(own,))
            killer.start()
            report = pull(["gov_zone", "gov_electricity", "gov_tax"], sender.connection)
            killer.join()
        finally:
            servers.stop(Path(folder))
    line = (
        f"database {NAME} (127.0.0.1:{own.port}/postgres): the connection was lost; "
        "nothing of the table being read was ingested, run it again"
    )
    found = {f.feed: (f.state, f.message) for f in report.files}
    assert found["gov_zone"][0] == "taken"
    assert found["gov_electricity"] == ("rejected", line) == found["gov_tax"]
    assert [d["feed"] for d in deliveries()] == ["gov_zone"]
    assert not tables.exists(POWER) and not (settings().engine_folder / "inbox").exists()


def many(sender: Sender, at_the_middle: str) -> None:
    """Create a view with the feed's name and 100,000 rows; its 50,000th row evaluates the given SQL."""
    sender.run(
        f"""CREATE VIEW gov_electricity AS SELECT '91350100M000100Y43'::text AS "社会信用代码",
        (3302000000 + g)::text AS "户号", '甲'::text AS "户名", 1 AS "电量(万千瓦时)",
        CASE WHEN g = 50000 THEN '2023' || left(({at_the_middle})::text, 0) ELSE '2023' END AS period
        FROM generate_series(1, 100000) g"""
    )


SLEEPING = "SELECT {} FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"


def when_it_sleeps(sender: Sender, what: str = "pid") -> Any:
    """Result of SQL about the reading backend, once it sleeps."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if rows := sender.run(SLEEPING.format(what)):
            return rows[0][0]
        time.sleep(0.05)
    raise AssertionError("nobody sleeps")


@contextmanager
def cut(connection: Connection, after: int) -> Iterator[Connection]:
    """A connection to the same database through a proxy that closes after so many bytes."""

    def forward(here: socket.socket, there: socket.socket, most: float) -> None:
        with suppress(OSError):
            while most > 0 and (some := here.recv(65536)):
                there.sendall(some)
                most -= len(some)
        for end in (here, there):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = door.accept()
                server = socket.create_connection((connection.host, connection.port))
                for direction in ((client, server, float("inf")), (server, client, after)):
                    threading.Thread(target=forward, args=direction, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=serve, daemon=True).start()
        yield replace(connection, port=door.getsockname()[1])
        door.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("how", ["cut", "terminated", "cancelled", "failed"])
def test_nothing_of_a_table_is_ingested_that_was_not_read_to_its_end(
    home: Path, sender: Sender, how: str
) -> None:
    sleeps = how in ("terminated", "cancelled")
    many(sender, {"cut": "0", "failed": "1 / (g - 50000)"}.get(how, "pg_sleep(60)"))
    create_zone(sender)
    names = ["gov_zone", "gov_electricity"]
    if sleeps:
        backend = {"terminated": "pg_terminate_backend(pid)", "cancelled": "pg_cancel_backend(pid)"}[how]
        ender = threading.Thread(target=when_it_sleeps, args=(sender, backend))
        ender.start()
        report = pull(names, sender.connection)
        ender.join()
    else:
        with cut(sender.connection, 2_000_000 if how == "cut" else 1 << 40) as connection:
            report = pull(names, connection)
    lost = "the connection was lost; nothing of the table being read was ingested, run it again"
    line = {
        "cancelled": "the database says: canceling statement due to user request",
        "failed": "the database says: division by zero",
    }.get(how, lost)
    [zone, power] = report.files
    assert (zone.state, power.state) == ("taken", "rejected")
    assert power.message.endswith(f": {line}") and "\n" not in power.message
    assert [d["feed"] for d in deliveries()] == ["gov_zone"]
    assert not tables.exists(POWER) and not (settings().engine_folder / "inbox").exists()


_INTERRUPTED = """
import signal
from ingest.ways.connections import connection_from_environment
from ingest.ways.database import pull

def asked_to_end(*_):
    raise SystemExit(7)

signal.signal(signal.SIGTERM, asked_to_end)
pull(["gov_electricity"], connection_from_environment("plant"))
"""


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_pull_that_is_interrupted_ends_at_once_here_and_at_the_server(
    home: Path, sender: Sender, by: signal.Signals
) -> None:
    many(sender, "pg_sleep(300)")
    process = subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTED], env={**os.environ, "AIRFLOW_CONN_PLANT": sender.url},
        cwd=CHECKOUT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        reader = when_it_sleeps(sender)
        process.send_signal(by)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == (7 if by == signal.SIGTERM else -signal.SIGINT), said
    assert sender.run("SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'active'", reader) == []
    assert deliveries() == [] and not (settings().engine_folder / "inbox").exists()


def create_zone(sender: Sender) -> None:
    source = feed("gov_zone").source
    columns = ", ".join(f'"{h}" text' for h in source.headings)
    sender.run(f"CREATE TABLE gov_zone ({columns}, period text)")
    sender.run(
        f"INSERT INTO gov_zone VALUES ({', '.join(['%s'] * len(source.headings))}, '2023')", *source.headings
    )


def _kill_when_it_sleeps(server: servers.Postgres) -> None:
    when_it_sleeps(Sender(server, server.database))
    process = psutil.Process(server.process.pid)
    for one in [process, *process.children(recursive=True)]:
        one.kill()


def as_user(sender: Sender, **other: Any) -> Connection:
    return replace(sender.connection, **other)


def test_a_refused_connection_is_one_line(home: Path, sender: Sender) -> None:
    with socket.socket() as taken:  # bound and not listening: nothing answers there
        taken.bind(("127.0.0.1", 0))
        closed = taken.getsockname()[1]
        cases = {
            "user brain is refused: the user or the password is wrong": as_user(
                sender, password="wr0ng-word"
            ),
            "user nobody-1 is refused": as_user(sender, user="nobody-1"),
            "not reachable; check that it runs": as_user(sender, port=closed, database="x"),
            'database "not-there" does not exist; correct': as_user(sender, database="not-there"),
        }
        for line, connection in cases.items():
            with pytest.raises(RejectedError) as refused:
                pull(None, connection)
            assert line in one_line(refused.value) and "wr0ng" not in str(refused.value)
    assert not (home / "warehouse").exists()


def test_a_connection_may_require_tls_and_a_verified_server(
    home: Path, sender: Sender, tmp_path: Path
) -> None:
    create_power(sender)
    use(sender, 1, "1")

    def pulled(words: str) -> FileReport | str:
        try:
            [file] = pull(["gov_electricity"], parse_connection(NAME, f"{sender.url}?{words}")).files
        except RejectedError as refused:
            return one_line(refused)
        return file

    assert "server does not support SSL, but SSL was required; correct" in str(pulled("sslmode=require"))
    data = sender.server.folder / "data"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", data / "server.key", "-out", data / "server.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    for path in (data / "server.key", data / "server.crt"):
        os.chown(path, data.stat().st_uid, data.stat().st_gid)
        path.chmod(0o600)
    certificate = Path(shutil.copy(data / "server.crt", tmp_path))
    try:
        sender.run("ALTER SYSTEM SET ssl = on")
        sender.run("SELECT pg_reload_conf()")
        checked = f"sslmode=verify-full&sslrootcert={certificate}"
        deadline = time.monotonic() + 30
        while isinstance(found := pulled(checked), str) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert isinstance(found, FileReport) and found.state == "taken"
        assert "certificate verify failed" in str(pulled("sslmode=verify-full&sslrootcert=system"))
    finally:
        sender.run("ALTER SYSTEM RESET ssl")
        sender.run("SELECT pg_reload_conf()")


def refusal(sender: Sender, connection: Connection | None = None) -> str:
    [file] = pull(["gov_electricity"], connection or sender.connection).files
    assert file.state == "rejected" and "\n" not in file.message
    return file.message


def test_an_unusable_table_is_refused_in_one_line_and_others_are_read(home: Path, sender: Sender) -> None:
    assert "user brain finds no table gov_electricity; create it, or name another one" in refusal(sender)
    sender.run('CREATE TABLE gov_electricity ("户号" text, "户名" text, period text, day date)')
    line = refusal(sender)
    assert line.endswith("no column 社会信用代码, 电量(万千瓦时); the table has 户号, 户名, period, day")
    sender.run("DROP TABLE gov_electricity")
    create_power(sender)
    assert refusal(sender).endswith("no row in the table; ask 国网宁波供电公司")
    use(sender, 1, "1", "last year")
    use(sender, 2, "2", None)
    assert "2 rows without a period of the feed: 'last year' is no period; gov_electricity" in refusal(sender)
    sender.run("ALTER TABLE gov_electricity ALTER \"社会信用代码\" TYPE bytea USING '\\x00'")
    assert (
        "column 社会信用代码 is of type bytea, which the mapping cannot read; cast it in a view"
        in refusal(sender)
    )
    sender.run("DROP TABLE gov_electricity")
    create_power(sender)
    use(sender, 1, "1")
    sender.run("CREATE USER other PASSWORD 'other-w0rd'")
    other = as_user(sender, user="other", password="other-w0rd")
    assert "permission denied for table gov_electricity; ask its owner to GRANT SELECT to other" in refusal(
        sender, other
    )
    create_zone(sender)
    report = pull(None, sender.connection)
    assert {f.feed: f.state for f in report.files} == {"gov_electricity": "taken", "gov_zone": "taken"}
    assert set(report.absent) == set(feeds()) - {"gov_electricity", "gov_zone"}
    with pytest.raises(UsageError, match="unknown feed gov_none"):
        pull(["gov_none"], sender.connection)


def test_a_watermark_of_another_type_is_refused(home: Path, sender: Sender, tmp_path: Path) -> None:
    create_power(sender)
    use(sender, 1, "1")
    with read_as(tmp_path, "increment", watermark="户名"):
        assert "watermark 户名 is of type text; it must be a time, a date or a whole number" in refusal(
            sender
        )
    with read_as(tmp_path, "increment", watermark="changed"):
        assert refusal(sender).startswith(f"{NAME}:gov_electricity: no column changed; the table has")


@pytest.mark.parametrize(
    ("block", "line"),
    [
        ({"withdraws": True}, "only a snapshot withdraws rows"),
        ({"overlap": 60}, "overlap goes with a watermark"),
        ({"table": 'a"; DROP TABLE b'}, "source.database.table"),
        ({"watermarks": "x"}, "source.database.watermarks"),
    ],
)
def test_an_invalid_database_block_is_refused(tmp_path: Path, block: dict[str, Any], line: str) -> None:
    with pytest.raises(ContractError) as refused, read_as(tmp_path, "event", **block):
        feed("gov_electricity")
    assert line in one_line(refused.value)


def test_a_table_may_have_another_name_and_schema(home: Path, sender: Sender, tmp_path: Path) -> None:
    create_power(sender)
    use(sender, 1, "1")
    sender.run('CREATE SCHEMA "电"; ALTER TABLE gov_electricity SET SCHEMA "电"')
    sender.run(
        'ALTER TABLE "电".gov_electricity RENAME TO "Year\'s use"; ALTER TABLE "电"."Year\'s use" RENAME period TO "年"'
    )
    with read_as(tmp_path, "snapshot", table="电.Year's use", period="年"):
        assert take(sender) == [("2023", "taken", 1)]
    assert deliveries()[0]["source_file"] == f"{NAME}:电.Year's use"


def files_with(folder: Path, *secrets: str) -> list[str]:
    """Files of a folder that contain one of the texts; Parquet files are searched by cells."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".parquet":
                content += str(pq.ParquetFile(path).read().to_pylist()).encode()
            found += [str(path) for s in secrets if s.encode() in content]
    return found


def run_cli(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from portal.cli.app import main; main()", *arguments],
        env={**os.environ, **environment}, cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_command_line_reads_from_a_named_connection(home: Path, sender: Sender) -> None:
    create_power(sender)
    use(sender, 1, "1")
    done = run_cli("ingest", "--from", NAME, "--json", AIRFLOW_CONN_PLANT=sender.url)
    assert done.returncode == 0, done.stderr
    assert [(r["feed"], r["state"]) for r in json.loads(done.stdout)] == [("gov_electricity", "taken")]
    assert f"no table in {NAME}: " in done.stderr and "gov_tax" in done.stderr
    again = run_cli("ingest", "--from", NAME, "gov_electricity", "gov_zone", AIRFLOW_CONN_PLANT=sender.url)
    assert again.returncode == 1 and "repeated" in again.stdout and "finds no table gov_zone" in again.stdout
    wrong = sender.url.replace(sender.server.password, "wr0ng-passw0rd")
    failed = run_cli("ingest", "--from", NAME, AIRFLOW_CONN_PLANT=wrong)
    assert failed.returncode == 1 and len(failed.stderr.strip().splitlines()) == 1, failed.stderr
    assert run_cli("ingest", "--from", "nowhere").returncode == 2
    output = "".join(d.stdout + d.stderr for d in (done, again, failed))
    secrets = (sender.server.password, "wr0ng-passw0rd")
    assert not [s for s in secrets if s in output]
    assert files_with(home, *secrets) == []
    assert files_with(home, GOOD[1]), "the search finds a text that exists"


def test_a_pull_needs_neither_engine_nor_java_and_its_password_is_nowhere(
    tmp_path: Path, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_power(sender)
    use(sender, 1, "1")
    home, called = tmp_path / "home", tmp_path / "called"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").write_text(f"#!/bin/sh\ntouch {called}\nexit 1\n")
    (tmp_path / "bin" / "java").chmod(0o755)
    for name in ("BRAIN_ENGINE_ADDRESS", "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    own = {"BRAIN_HOME": str(home), "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    wrong = sender.url.replace(sender.server.password, "wr0ng-passw0rd")
    assert run_cli("ingest", "--from", NAME, AIRFLOW_CONN_PLANT=sender.url, **own).returncode == 0
    assert run_cli("ingest", "--from", NAME, AIRFLOW_CONN_PLANT=wrong, **own).returncode == 1
    assert engine.status(Settings(home=home)) is None and not called.exists()
    assert files_with(home, sender.server.password, "wr0ng-passw0rd") == []
    assert files_with(home, GOOD[1]), "the search finds a text that exists"
