"""The long form: thousands of random requests of every role, in which no row, value or failure escapes the rules."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from schemas.contract import contracts, published_contracts
from tests.portal.api.oracle import Oracle
from tests.portal.api.serving import VIEWER, viewer_of
from tests.portal.fuzzing import HOSTILE, assert_inside_stays_inside, quoted

REQUESTS = 20_000
PATHS = [
    "/releases/{n}/verdicts", "/codes/{v}", "/search?q={v}", "/tables/{v}", "/tables/{v}/rows", "/{v}", "/releases/{v}",
    "/tables/release.info/rows", "/tables/raw.gov_tax/rows", "/tables/cn.x/rows", "/tables/file_1.core.enterprise/rows",
]  # fmt: skip

Row = dict[str, Any]


class Requests:
    """Random addresses, most of them nearly right."""

    def __init__(self, seed: int, oracle: Oracle) -> None:
        self.random = random.Random(seed)
        self.oracle = oracle
        self.tables = [spec.name for spec in published_contracts()]

    def address(self) -> tuple[str, str | None]:
        """An address, and the table whose rows it may give."""
        if self.random.random() < 0.15:
            value = quoted(self.random.choice(HOSTILE), safe="/")
            path = self.random.choice(PATHS)
            return path.format(n=self.random.choice([0, 1, 2, 10**12]), v=value), None
        table = self.random.choice(self.tables)
        prefix = self.random.choice(["", "", "", "/releases/1", "/releases/2"])
        kind = self.random.choice(["rows", "rows", "rows", "count", "row"])
        names = contracts()[table].column_names
        parts = [f"{self._name(names)}={self._value(table)}" for _ in range(self.random.randrange(3))]
        if kind == "row":
            row = self._row(table)
            parts = [f"{name}={quote(str(row.get(name, 'x')))}" for name in contracts()[table].key]
        elif kind == "rows":
            parts += [f"limit={self.random.choice([1, 5, 50, 0, 10**9, 'x'])}"]
            parts += [f"order={self.random.choice(['', '-'])}{self._name(names)}"] * (
                self.random.random() < 0.3
            )
            parts += [f"select={self._name(names)},{self._name(names)}"] * (self.random.random() < 0.3)
            parts += [f"cursor={self._value(table)}"] * (self.random.random() < 0.05)
        return f"{prefix}/tables/{table}/{kind}?{'&'.join(parts)}", table

    def _name(self, names: list[str]) -> str:
        return (
            self.random.choice(names) if self.random.random() < 0.97 else quoted(self.random.choice(HOSTILE))
        )

    def _row(self, table: str) -> Row:
        rows = self.oracle.whole(table)
        return self.random.choice(rows) if rows else {}

    def _value(self, table: str) -> str:
        if self.random.random() < 0.3:
            return quoted(self.random.choice(HOSTILE))
        value = self.random.choice([v for v in self._row(table).values() if v is not None] or ["x"])
        operator = self.random.choice(["", "", "eq.", "ne.", "gt.", "lte.", "in.", "contains."])
        return quote(f"{operator}{value}")


def seen_by(oracle: Oracle) -> Callable[[str, str], dict[tuple[Any, ...], Row]]:
    known: dict[tuple[str, str], dict[tuple[Any, ...], Row]] = {}

    def rows(who: str, table: str) -> dict[tuple[Any, ...], Row]:
        if (who, table) not in known:
            found = oracle.rows(viewer_of(who), table)
            known[who, table] = {
                tuple(map(plain, (row[k] for k in contracts()[table].key))): row for row in found
            }
        return known[who, table]

    return rows


def plain(value: Any) -> Any:
    """A value of the file as JSON has it."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_request_gets_more_than_its_role_may_see(
    api: TestClient, oracle: Oracle, viewers: list[str]
) -> None:
    fuzz(api, oracle, viewers, REQUESTS, seed=1)


def test_a_few_requests_get_no_more_than_their_role_may_see(
    api: TestClient, oracle: Oracle, viewers: list[str]
) -> None:
    fuzz(api, oracle, viewers, 300, seed=2)


def fuzz(api: TestClient, oracle: Oracle, viewers: list[str], count: int, seed: int) -> None:
    requests, seen = Requests(seed, oracle), seen_by(oracle)
    checked, answered = 0, 0
    for _ in range(count):
        address, table = requests.address()
        who = requests.random.choice(viewers)
        headers = {VIEWER: who, "accept-language": requests.random.choice(["zh", "en", "*", "xx;q=9"])}
        answer = api.get(address, headers=headers)
        assert_inside_stays_inside(answer, f"{who}: {address}")
        if answer.status_code != 200 or table is None:
            continue
        answered += 1
        content = json.loads(answer.content, parse_float=Decimal)
        rows = content.get("rows", []) + ([content["row"]] if "row" in content else [])
        for row in rows:
            checked += check(row, seen(who, table), table, f"{who}: {address}")
        if "count" in content:
            assert content["count"] <= len(seen(who, table)), f"{who}: {address}"
    assert answered > count // 10 and checked > count // 10


def check(row: Row, seen: dict[tuple[Any, ...], Row], table: str, where: str) -> int:
    """Whether a row is one that the viewer may see, with no other values; 1 if it could be told by its key."""
    key = contracts()[table].key
    if set(key) <= set(row):
        expected = seen[tuple(row[name] for name in key)]
        assert all(plain(expected[name]) == value for name, value in row.items()), where
        return 1
    columns = set(next(iter(seen.values())))
    assert set(row) <= columns, where
    return 0
