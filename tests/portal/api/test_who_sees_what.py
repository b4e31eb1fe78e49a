"""Every role sees exactly the rows, columns and values that the rules give it, compared with an independent oracle."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from portal.access import views
from portal.access.viewer import Viewer
from schemas.contract import Contract, published_contracts
from tests.portal.api.oracle import Oracle
from tests.portal.api.serving import VIEWER, viewer_of

ARROW = "application/vnd.apache.arrow.stream"


def rows_of(api: TestClient, who: str, table: str) -> list[dict[str, Any]] | None:
    """All rows of a table that a viewer gets; ``None`` if it is refused."""
    answer = api.get(f"/tables/{table}/rows", headers={VIEWER: who, "accept": ARROW})
    if answer.status_code == 403:
        return None
    assert answer.status_code == 200, answer.text
    with pa.ipc.open_stream(io.BytesIO(answer.content)) as stream:
        found: list[dict[str, Any]] = stream.read_all().to_pylist()
    return found


def by_key(spec: Contract, rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    found = {tuple(row[name] for name in spec.key): row for row in rows}
    assert len(found) == len(rows), f"{spec.name}: two rows have one key"
    return found


def test_every_role_sees_its_rows_columns_and_values(
    api: TestClient, oracle: Oracle, viewers: list[str]
) -> None:
    seen: dict[str, int] = {}
    for who in viewers:
        viewer = viewer_of(who)
        for spec in published_contracts():
            expected = by_key(spec, oracle.rows(viewer, spec.name))
            given = rows_of(api, who, spec.name)
            if given is None:
                assert not expected, f"{who} is refused {spec.name}"
                continue
            assert by_key(spec, given) == expected, f"{who}: {spec.name}"
            seen[who] = seen.get(who, 0) + len(given)
    # the roles differ, so the comparison above did not compare nothing with nothing
    assert seen["city"] > seen[viewers[3]] > seen[viewers[6]] > 0 and seen["city"] > seen[viewers[5]] > 0


def test_statistics_are_withheld_from_offices_without_consent_and_from_nobody_else(
    api: TestClient, oracle: Oracle, viewers: list[str]
) -> None:
    """The built city has firms with and without consent; each role counts its own."""
    counts = {}
    for who in viewers:
        rows = rows_of(api, who, "per_mu.unit")
        if rows is not None:
            known = sum(row.get("value_added_wan_yuan") is not None for row in rows)
            withheld = sum(bool(row.get("statistics_withheld")) for row in rows)
            counts[who] = (len(rows), known, withheld)
    spec = next(s for s in published_contracts() if s.name == "per_mu.unit")
    units = oracle.whole("per_mu.unit")
    consented = [row for row in units if oracle.is_consented(spec, row)]
    reported = sum(row["value_added_wan_yuan"] is not None for row in units)
    assert 0 < len(consented) < len(units)
    assert counts["city"][0] == len(units) and counts["city"][2] == len(units) - len(consented)
    assert counts["city - statistics"] == (len(units), reported, 0)
    assert counts["city"][1] < reported
    own = counts[viewers[6]]
    assert own[0] > 0 and own[2] == 0


@pytest.mark.parametrize("spec", published_contracts(), ids=lambda spec: spec.name)
def test_whoever_sees_rows_sees_their_key(spec: Contract) -> None:
    """Pages follow the key: a hidden key column would be told by a cursor."""
    viewers = [
        Viewer("a", "public"), Viewer("a", "city"), Viewer("a", "district", "330282"),
        Viewer("a", "town", "330282002"), Viewer("a", "enterprise", "91330203MAY4PDPJ92"),
        Viewer("a", "analyst"), Viewer("a", "application"),
    ]  # fmt: skip
    for viewer in viewers:
        if views.sees_rows(spec, viewer.cut):
            assert not views.hidden(spec, viewer.cut) & set(spec.key), viewer.role


def test_the_dictionary_tells_which_columns_are_hidden(api: TestClient) -> None:
    def hidden(who: str) -> set[str]:
        answer = api.get("/tables/per_mu.enterprise_grade", headers={VIEWER: who}).json()
        return {column["column"] for column in answer["columns"] if column["is_hidden"]}

    whole = {
        c.name for c in next(s for s in published_contracts() if s.name == "per_mu.enterprise_grade").columns
    }
    assert hidden("city") == set()
    assert hidden("") == whole  # it sees no row


def test_a_hidden_column_can_be_neither_shown_nor_compared(api: TestClient, viewers: list[str]) -> None:
    firm = viewers[6]  # baselines of its district: the values with and without giants are statistics
    answer = api.get("/tables/per_mu.baseline", headers={VIEWER: firm}).json()
    hidden = [column["column"] for column in answer["columns"] if column["is_hidden"]]
    assert answer["is_visible"] and hidden
    for query in (f"select={hidden[0]}", f"order=-{hidden[0]}", f"{hidden[0]}=gt.1", f"{hidden[0]}=is.null"):
        for path in ("rows", "count"):
            if path == "count" and query.startswith(("select", "order")):
                continue
            refused = api.get(f"/tables/per_mu.baseline/{path}?{query}", headers={VIEWER: firm})
            assert (refused.status_code, refused.json()["column"]) == (403, hidden[0]), query
