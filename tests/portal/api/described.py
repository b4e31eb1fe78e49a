"""An answer beside what the OpenAPI document says of it."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema_rs

from portal.api.document import document


@cache
def _document() -> dict[str, Any]:
    return document()


def assert_described(method: str, path: str, answer: Any) -> None:
    """Status, content type and content are those that the document names for the operation."""
    responses = _document()["paths"][path][method]["responses"]
    status = str(answer.status_code)
    assert status in responses, f"{method} {path} does not describe {status}: {answer.text}"
    described = responses[status]
    if "$ref" in described:
        described = _document()["components"]["responses"][described["$ref"].rpartition("/")[2]]
    kind = answer.headers["content-type"]
    _validator(described["content"][kind]["schema"]["$ref"]).validate(answer.json())


@cache
def _validator(model: str) -> jsonschema_rs.Validator:
    schema = {"$ref": model, "components": {"schemas": _document()["components"]["schemas"]}}
    return jsonschema_rs.validator_for(schema)
