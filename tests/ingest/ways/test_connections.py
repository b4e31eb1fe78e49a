"""Connections: how they are named and parsed, and the message of one that cannot be used."""

from __future__ import annotations

import json

import pytest

from ingest.ways.connections import Connection, connection_from_environment, failure
from schemas.errors import UsageError
from tests.built_city import one_line

NAME = "plant"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, "no connection plant: set AIRFLOW_CONN_PLANT to postgres://user:password@host:port/database"),
        ("postgres://u:pa/s-3cret@h/db", "not in Airflow's notation"),
        ('{"conn_type": "postgres", "password": "s-3cret"', "not in Airflow's notation"),
        ('{"host": "h", "password": "s-3cret"}', "not in Airflow's notation"),
        ("postgres://u:s-3cret@h:many/db", "not in Airflow's notation"),
        ("mysql://u:s-3cret@h/db", "is of type 'mysql'; feeds are read from postgres only"),
        ("postgres://:s-3cret@h", "lacks login, schema"),
        ("postgres://u:s-3cret@h/db?cursor=s-3cret", "has unknown properties cursor; allowed are sslmode"),
    ],
)
def test_an_unusable_connection_is_refused_in_one_line_without_its_text(
    monkeypatch: pytest.MonkeyPatch, text: str | None, line: str
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_PLANT", raising=False)
    if text:
        monkeypatch.setenv("AIRFLOW_CONN_PLANT", text)
    with pytest.raises(UsageError) as refused:
        connection_from_environment(NAME)
    assert line in one_line(refused.value) and "s-3cret" not in str(refused.value)


def test_a_connection_is_parsed_as_airflow_parses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk import Connection as Theirs

    theirs = Theirs(
        conn_id=NAME, conn_type="postgres", login="张 三", password="p@s/s:#%1", host="db.example", port=6543,
        schema="企业/库", extra=json.dumps({"sslmode": "require", "options": "-c search_path=tax"}),
    )  # fmt: skip
    by_json = json.dumps(
        {
            "conn_type": "postgres", "login": "张 三", "password": "p@s/s:#%1", "host": "db.example", "port": 6543,
            "schema": "企业/库", "extra": {"sslmode": "require", "options": "-c search_path=tax"},
        }
    )  # fmt: skip
    for text in (theirs.get_uri(), by_json):
        monkeypatch.setenv("AIRFLOW_CONN_PLANT", text)
        found = connection_from_environment("plant")
        assert (found.user, found.password) == ("张 三", "p@s/s:#%1")
        assert found.address == "db.example:6543/%E4%BC%81%E4%B8%9A%2F%E5%BA%93"
        assert found.properties == {"sslmode": "require", "options": "-c search_path=tax"}
        assert "p@s" not in repr(found) and found.options["dbname"] == "企业/库"
        assert (found.options["host"], found.options["port"]) == ("db.example", "6543")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError("[libpq] PQgetCopyData() failed: could not receive data from server: Connection timed out\n"),
         "database plant (h:1/d): the connection was lost; nothing of the table being read was ingested, run it again"),
        (OSError('IO: [libpq] Failed to connect: connection to server at "h", port 1 failed: timeout expired\n'),
         "database plant (h:1/d): not reachable; check that it runs and that the address is right"),
        (OSError("IO: [libpq] Failed to connect: connection failed: FATAL:  the database system is starting up\n"),
         "database plant (h:1/d): the connection was lost; nothing of the table being read was ingested, run it again"),
        (OSError("IO: [libpq] Failed to connect: connection to server failed: FATAL:  sorry, too many clients already"),
         "database plant (h:1/d): sorry, too many clients already; correct the connection"),
        (OSError(f"[libpq] {'x' * 296}s3cret"), f"plant:t: the database says: [libpq] {'x' * 292}"),
    ],
)  # fmt: skip
def test_an_error_of_the_driver_is_one_line(error: Exception, line: str) -> None:
    assert str(failure(Connection("plant", "h", 1, "d", "u", "s3cret"), error, "t")) == line


def test_an_error_of_the_server_is_classified_in_any_language() -> None:
    class Said(Exception):
        sqlstate = "42501"
        details = ((b"PG_DIAG_MESSAGE_PRIMARY", "对表 big 权限不够".encode()),)

    refused = failure(Connection("plant", "h", 1, "d", "reader", "s3cret"), Said("\n\nQuery was: ..."), "big")
    assert one_line(refused) == "plant:big: 对表 big 权限不够; ask its owner to GRANT SELECT to reader"
