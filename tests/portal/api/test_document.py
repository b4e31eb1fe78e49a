"""The OpenAPI document, a client that is generated from it, and requests that it allows and does not allow."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from starlette.testclient import TestClient

from portal.api.document import document
from portal.api.selection import PARAMETERS
from schemas.contract import published_contracts
from tests.portal.api.serving import VIEWER, api_app
from warehouse.settings import settings as of_home


def test_every_table_has_a_model_with_titles_and_units(api: TestClient) -> None:
    made = api.get("/openapi.json")
    assert made.json() == document()
    again = api.get("/openapi.json", headers={"if-none-match": made.headers["etag"]})
    assert again.status_code == 304
    models = made.json()["components"]["schemas"]
    grade = models["PerMuEnterpriseGrade"]["properties"]
    assert grade["final_grade"]["enum"] == ["A", "B", "C", "D"] and grade["final_grade"]["type"] == "string"
    assert grade["total_score"]["type"] == ["number", "null"]
    tax = models["CoreEnterpriseYear"]["properties"]["tax_vat_wan_yuan"]
    assert tax["x-unit"] == "万元" and "增值税" in tax["description"]
    paths = made.json()["paths"]
    for spec in published_contracts():
        assert {f"/tables/{spec.name}/{each}" for each in ("rows", "count", "row", "changes")} <= set(paths)


def test_every_address_is_described_and_every_described_one_is_there() -> None:
    """Addresses of any table are described for each table, or for any of a kept release."""
    [mount] = [route for route in api_app().routes if getattr(route, "path", "") == "/api"]
    tables = [spec.name for spec in published_contracts()]
    there: set[tuple[str, str]] = set()
    for route in cast(Any, mount).app.app.routes:
        path = re.sub(r":\w+}", "}", route.path.removeprefix("/v1"))
        is_of_tables = path.startswith("/tables/{table}/")
        for each in [path.replace("{table}", name) for name in tables] if is_of_tables else [path]:
            there |= {(method.lower(), each) for method in route.methods - {"HEAD"}}
    described = {(method, path) for path, methods in document()["paths"].items() for method in methods}
    assert described == there - {("get", "/openapi.json")}


def test_the_document_is_one_of_openapi() -> None:
    schemathesis.openapi.from_dict(document()).validate()


def test_no_column_is_named_like_a_parameter() -> None:
    columns = {column.name for spec in published_contracts() for column in spec.columns}
    assert columns.isdisjoint({*PARAMETERS, "from", "to", "q", "release"})


# --- a generated client ----------------------------------------------------------------------------------


@contextmanager
def running() -> Iterator[str]:
    """Address of the portal on a free port of this machine."""
    config = uvicorn.Config(api_app(), host="127.0.0.1", port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/api/v1"
    server.should_exit = True
    thread.join(timeout=20)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, two_releases: Path) -> Iterator[Any]:
    """A client package, generated from the document of a running server."""
    assert two_releases
    config = tmp_path / "config.yml"
    config.write_text("post_hooks: []\npackage_name_override: brain_client\n", encoding="utf-8")
    with running() as address:
        (tmp_path / "openapi.json").write_bytes(httpx.get(f"{address}/openapi.json", timeout=60).content)
        command = [
            str(Path(sys.executable).with_name("openapi-python-client")), "generate", "--fail-on-warning",
            "--path", "openapi.json", "--output-path", "made", "--config", str(config),
        ]  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        monkeypatch.syspath_prepend(str(tmp_path / "made"))
        made = importlib.import_module("brain_client")
        yield made.Client(base_url=address, headers={VIEWER: "city - statistics"}, timeout=httpx.Timeout(60))


def test_a_generated_client_follows_changes_between_releases(client: Any) -> None:
    def call(name: str) -> Any:
        return importlib.import_module(f"brain_client.api.{name}").sync

    latest = call("catalogue.list_releases")(client=client).latest
    assert latest == 2
    page = call("per_mu.list_per_mu_enterprise_grade")(
        client=client, year=["2024"], final_grade=["in.A,B"], limit=5
    )
    assert {row.final_grade.value for row in page.rows} <= {"A", "B"} and page.rows[0].year == 2024
    get = call("per_mu.get_per_mu_enterprise_grade")
    first = page.rows[0]
    same = get(client=client, uscc=first.uscc, year="2024", evaluation_version=str(first.evaluation_version))
    assert same.row == first
    changed: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        found = call("per_mu.changes_per_mu_enterprise_grade")(
            client=client, from_=1, to=latest, limit=1, **cursor
        )
        changed += found.changes
        if not found.next_:
            break
        cursor = {"cursor": found.next_.split("cursor=")[1]}
    assert len(changed) > 1 and all(one.kind.value == "changed" for one in changed)
    score = next(one for one in changed if "total_score" in one.columns)
    assert score.old.total_score != score.new.total_score
    stands = call("procedure.get_procedure")(client=client, year="2024", district="330282")
    assert [step.state.value for step in stands.steps].count("due") == 1 and stands.release == latest
    refused = call("per_mu.count_per_mu_enterprise_grade")(client=client, year=["x"])
    assert refused.status == 422 and "year" in refused.detail


# --- requests by the document ----------------------------------------------------------------------------

#: Examples of all operations together in the ordinary run; each has at least one that is allowed and one that is not.
EXAMPLES = 500
#: Checks that do not fit: the API answers 404 and 422 to well-formed requests for what is not there, 403 to columns
#: that a role does not see, and takes texts of any kind as values.
UNFIT = ("negative_data_rejection", "positive_data_acceptance", "missing_required_header", "ignored_auth")
ROLES = ("city", "city - statistics", "", "analyst")


@pytest.mark.usefixtures("built_copy")  # some of the requests decide
def test_answers_keep_to_the_document() -> None:
    """No failure, no trace, no path of the machine; content and status as the document describes them."""
    load_all_checks()
    unfit = [CHECKS.get_one(name) for name in UNFIT]
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", api_app())
    home, asked = str(of_home().home), 0

    def ask(case: Any) -> None:
        nonlocal asked
        asked += 1
        answer = case.call(headers={VIEWER: ROLES[asked % len(ROLES)]})
        assert answer.status_code < 500, answer.text
        assert home not in answer.text and "Traceback" not in answer.text
        case.validate_response(answer, excluded_checks=unfit)

    operations: list[Any] = [cast(Any, found).ok() for found in schema.get_all_operations()]
    most: Any = examples(max(1, EXAMPLES // len(operations) // 2))
    for operation in operations:
        for mode in GenerationMode:
            # an operation without parameters has no requests that are not allowed
            with suppress(Unsatisfiable):
                with_cases: Any = given(operation.as_strategy(generation_mode=mode))
                most(with_cases(ask))()
    assert asked >= EXAMPLES // 2


def examples(most: int) -> settings:
    """The same examples in each run, without shrinking: a failure names its request; the long form draws others."""
    return settings(
        max_examples=most,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
