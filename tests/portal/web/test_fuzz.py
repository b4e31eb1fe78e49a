"""The long form: thousands of random pages as every role, in which no failure, foreign firm or live text shows.

The addresses are those of the application's router, filled with values from the links of the pages seen before, so a
new page and its parameters are asked for by themselves.
"""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.dependencies.utils import get_flat_dependant
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from ingest.register.today import today
from portal.access.viewer import OFFICES
from schemas.contract import contracts, published_contracts
from tests.built_city import BuiltCity, at_home, copy
from tests.portal.api.conftest import viewers_of
from tests.portal.api.oracle import Oracle
from tests.portal.api.publishing import publish_edited
from tests.portal.api.serving import VIEWER, api_app, viewer_of
from tests.portal.fuzzing import HOSTILE, assert_inert, assert_inside_stays_inside, quoted, words_of
from tests.portal.planted import NAMES, plant
from warehouse.releases import open_release

REQUESTS = 20_000
#: Values of a parameter that are kept from links; more would be more of the same.
MOST_VALUES = 200
CODE = re.compile(r"(?<![0-9A-Z])[0-9A-Z]{18}(?![0-9A-Z])")
WORDS = re.compile(r"[\w（）()]{4,}")
PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
#: Where the public lists of grades stand, which name firms of all districts to everybody.
PUBLIC = re.compile(r"/public|bulletin\.")


class Addresses:
    """Random addresses of an application's pages, most of them nearly right."""

    def __init__(self, seed: int, app: FastAPI, oracle: Oracle) -> None:
        self.random = random.Random(seed)
        self.oracle = oracle
        self.routes = [
            one for one in app.routes if isinstance(one, APIRoute) and not one.path.startswith("/api/")
        ]
        #: Route → names of the parameters that it declares or that links give it.
        self.names = {
            one.path: [p.alias for p in get_flat_dependant(one.dependant).query_params] for one in self.routes
        }
        #: Route → values of its path in links.
        self.linked: dict[str, list[dict[str, str]]] = {one.path: [] for one in self.routes}
        #: Parameter → values in links.
        self.values: dict[str, list[str]] = {
            "lang": ["zh", "en"],
            "number": ["1", "2"],
            "uscc": sorted({row["uscc"] for row in oracle.whole("core.enterprise")}),
            "q": [*NAMES, *sorted({row["enterprise_name"] for row in oracle.whole("core.enterprise")})[::50]],
            "table": [spec.name for spec in published_contracts()],
        }

    def next(self) -> tuple[str, str]:
        """A route with its method, and an address of it; half of them have hostile values."""
        route = self.random.choice(self.routes)
        hostile = self.random.choice([0, 0.25])
        # the parts of one link belong together, such as a node and its chain
        linked = self.random.choice([{}, *self.linked[route.path][-1:], *self.linked[route.path]])
        path = PARAMETER.sub(
            lambda found: quoted(self._value(found[1], hostile, linked.get(found[1]))), route.path
        )
        names = [name for name in self.names[route.path] if self.random.random() < 0.3]
        pairs = [(name, self._value(name, hostile)) for name in names if hostile or name in self.values]
        if "{table}" in route.path and self.random.random() < 0.7:
            table = next((one.name for one in published_contracts() if f"/{one.name}" in path), None)
            pairs = self._key(table) if table and self.oracle.whole(table) else pairs
        if self.random.random() < hostile / 5:
            pairs.append((self.random.choice(HOSTILE), self.random.choice(HOSTILE)))
        query = "&".join(f"{quoted(name)}={quoted(value)}" for name, value in pairs)
        return _name(route), f"{path}?{query}" if query else path

    def _value(self, name: str, hostile: float, linked: str | None = None) -> str:
        known = [linked] if linked else self.values.get(name)
        return self.random.choice(HOSTILE if not known or self.random.random() < hostile else known)

    def _key(self, table: str) -> list[tuple[str, str]]:
        row = self.random.choice(self.oracle.whole(table))
        column = self.random.choice(contracts()[table].column_names)
        return [*((name, str(row.get(name))) for name in contracts()[table].key), ("column", column)]

    def learn(self, page: str) -> None:
        """Take the values of a page's links and choices."""
        for link in re.findall(r'href="(/[^"]*)"', page):
            asked = urlsplit(unescape(link))
            route, found = self._route(asked.path)
            if route is not None:
                query = parse_qsl(asked.query)
                self._keep([*found.items(), *query])
                if len(self.linked[route.path]) < MOST_VALUES:
                    self.linked[route.path].append(found)
                names = self.names[route.path]
                names += dict.fromkeys(name for name, _ in query if name not in names)
        for name, choices in re.findall(r'<select[^>]* name="(\w+)"[^>]*>(.*?)</select>', page, re.DOTALL):
            self._keep([(name, unescape(value)) for value in re.findall(r'<option value="([^"]*)"', choices)])

    def _keep(self, pairs: list[tuple[str, str]]) -> None:
        for name, value in pairs:
            known = self.values.setdefault(name, [])
            if value not in known and len(known) < MOST_VALUES:
                known.append(value)

    def _route(self, path: str) -> tuple[APIRoute | None, dict[str, str]]:
        for one in self.routes:
            if found := one.path_regex.match(path):
                return one, found.groupdict()
        return None, {}


def _name(route: APIRoute) -> str:
    return f"{min(route.methods or {'GET'})} {route.path}"


class Lawful:
    """Which codes and names of firms a role's pages may have."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._tables = [spec.name for spec in published_contracts()]
        whole = {text for name in self._tables for text in _texts(oracle.whole(name))}
        self._codes = {text for text in whole if CODE.fullmatch(text)}
        self._names = {row["enterprise_name"] for row in oracle.whole("core.enterprise")}
        self._seen = cache(self._seen_by)
        #: Codes and names that were looked at.
        self.compared = 0

    def foreign(self, who: str, address: str, text: str) -> set[str]:
        """What an answer has of firms that none of the role's rows names, and that was not asked for."""
        viewer = viewer_of(who)
        is_office = viewer.role in OFFICES
        if is_office and not viewer.scope:
            return set()  # the whole city is theirs
        named = (self._codes & set(CODE.findall(text))) | (self._names & set(WORDS.findall(text)))
        self.compared += len(named)
        alike = f"district {viewer.scope} statistics" if is_office else who
        public = self._seen("", "bulletin") if PUBLIC.search(address) else frozenset()
        return named - self._seen(alike, "") - public if named else named

    def _seen_by(self, who: str, area: str) -> frozenset[str]:
        """Texts in the rows that a viewer sees of an area's tables; without one, of all but the public lists."""
        return frozenset(
            text
            for name in self._tables
            if (name.partition(".")[0] == area if area else not name.startswith("bulletin."))
            for text in _texts(self._oracle.rows(viewer_of(who), name))
        )


def _texts(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        for value in row.values():
            if isinstance(value, str):
                yield value
            elif isinstance(value, list):
                yield from (item for item in value if isinstance(item, str))


@pytest.fixture(scope="module")
def home(
    built_city: BuiltCity, engine_remote: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Release 1 of the built city, and release 2 in which a feed has planted names."""
    with at_home(copy(built_city, tmp_path_factory.mktemp("fuzzed") / "home"), engine_remote):
        publish_edited(2, 1, ["core.enterprise", "per_mu.enterprise_grade"], *plant())
        yield


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_page_shows_more_than_its_role_may_see(home: None) -> None:
    fuzz(REQUESTS, seed=1)


def test_a_few_pages_show_no_more_than_their_role_may_see(home: None) -> None:
    fuzz(1_000, seed=2)


def fuzz(count: int, seed: int) -> None:
    oracle, app = Oracle(open_release().file, today().day), api_app()
    addresses, lawful = Addresses(seed, app, oracle), Lawful(oracle)
    opened, foreign_of_firm = set(), False
    a_firm = next(who for who in viewers() if who.startswith("enterprise"))
    with TestClient(app, "http://pages", raise_server_exceptions=False, follow_redirects=False) as client:
        for _ in range(count):
            who = addresses.random.choice(viewers())
            route, address = addresses.next()
            answer = client.request(route.partition(" ")[0], address, headers={VIEWER: who})
            check(answer, who, address, addresses, lawful)
            if answer.status_code == 200:
                opened.add(route)
            if not foreign_of_firm and who == "city":
                foreign_of_firm = bool(lawful.foreign(a_firm, address, words_of(_content(answer))))
    oracle.close()
    asked = {_name(one) for one in addresses.routes if "GET" in (one.methods or ())}
    assert len(opened) > 0.7 * len(asked), sorted(asked - opened)
    # one request in three names a firm to a reader who may not see all; refusals and lists of tables name none
    assert lawful.compared > count / 3, "the pages hardly name a firm"
    assert foreign_of_firm, "no page of the city would be too much for a firm"


@cache
def viewers() -> list[str]:
    """One of each role, and offices with the right to quarantined records."""
    known = viewers_of(open_release().file)
    offices = [who if " " in who else f"{who} -" for who in known if who.startswith(("city", "district"))]
    return [*known, *(f"{who} quarantine" for who in offices)]


def check(answer: Any, who: str, address: str, addresses: Addresses, lawful: Lawful) -> None:
    where = f"{who}: {answer.request.method} {address}"
    assert_inside_stays_inside(answer, where)
    text = _content(answer)
    if answer.headers.get("content-type", "").startswith("text/html"):
        assert_inert(text, where)
        addresses.learn(text)
    foreign = lawful.foreign(who, address, words_of(text)) - _asked(address)
    assert not foreign, f"{where}: {sorted(foreign)[:5]}"


def _content(answer: Any) -> str:
    """An answer's text; of a workbook the text of its parts."""
    content: bytes = answer.content
    if not content.startswith(b"PK\x03\x04"):
        return str(answer.text)
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return " ".join(package.read(name).decode("utf-8") for name in package.namelist())


def _asked(address: str) -> set[str]:
    """Codes and names that the address itself has: an answer may repeat them."""
    asked = unquote_plus(address)
    return {*CODE.findall(asked), *WORDS.findall(asked)}
