"""Every format is read back by the libraries that programs use, and texts that a feed planted are inert in all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from starlette.testclient import TestClient

from tests.portal.api.publishing import edit
from tests.portal.api.serving import VIEWER, client_of
from tests.portal.planted import NAMES, plant

ALL = {VIEWER: "city - statistics"}
TABLE = "/tables/core.enterprise/rows"
PARQUET, ARROW = "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"


def get(api: TestClient, form: str, query: str = "") -> bytes:
    answer = api.get(f"{TABLE}{query}", headers={**ALL, "accept": form})
    assert answer.status_code == 200 and answer.headers["content-type"].startswith(form), answer.text[:300]
    content: bytes = answer.content
    return content


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["uscc"], row["year"]))


def test_parquet_and_arrow_have_the_same_rows_for_pyarrow_polars_and_pandas(api: TestClient) -> None:
    parquet, arrow = get(api, PARQUET), get(api, ARROW)
    rows = in_order(pq.read_table(io.BytesIO(parquet)).to_pylist())
    assert len(rows) == api.get("/tables/core.enterprise/count", headers=ALL).json()["count"]
    with pa.ipc.open_stream(io.BytesIO(arrow)) as stream:
        assert in_order(stream.read_all().to_pylist()) == rows
    assert in_order(pl.read_parquet(io.BytesIO(parquet)).to_dicts()) == rows
    assert in_order(pl.read_ipc_stream(io.BytesIO(arrow)).to_dicts()) == rows
    assert len(pd.read_parquet(io.BytesIO(parquet))) == len(rows)
    metadata = pq.read_metadata(io.BytesIO(parquet)).metadata
    assert metadata[b"source"] == b"core.enterprise" and metadata[b"release"] == b"1"


def test_csv_has_the_same_rows_for_pandas_and_polars(api: TestClient) -> None:
    rows = in_order(pq.read_table(io.BytesIO(get(api, PARQUET))).to_pylist())
    names = [row["enterprise_name"] for row in rows]
    by_pandas = pd.read_csv(io.BytesIO(get(api, "text/csv")), dtype=str).sort_values(["uscc", "year"])
    by_polars = pl.read_csv(io.BytesIO(get(api, "text/csv")), infer_schema=False).sort("uscc", "year")
    assert list(by_pandas["enterprise_name"]) == names == list(by_polars["enterprise_name"])
    assert [int(year) for year in by_polars["year"]] == [row["year"] for row in rows]
    with_bom = get(api, "text/csv", "?bom=1&limit=3&select=uscc,year")
    assert with_bom.startswith(b'\xef\xbb\xbf"uscc","year"\n') and with_bom.count(b"\n") == 4


def test_a_format_is_chosen_by_weight_and_others_are_refused(api: TestClient) -> None:
    answer = api.get(f"{TABLE}?limit=1", headers={**ALL, "accept": "text/csv;q=0.2, application/*;q=0.5"})
    assert answer.headers["content-type"] == "application/json"
    refused = api.get(TABLE, headers={**ALL, "accept": "image/png"})
    assert refused.status_code == 406 and "text/csv" in refused.json()["formats"]
    assert api.get("/tables", headers={**ALL, "accept": "text/csv"}).status_code == 406


def test_planted_texts_are_inert(built_copy: Path) -> None:
    assert built_copy
    edit(1, *plant())
    with client_of() as api:
        whole = pq.read_table(io.BytesIO(get(api, PARQUET))).to_pylist()
        assert set(NAMES) <= {row["enterprise_name"] for row in whole}  # formats for programs keep them
        cells = pl.read_csv(io.BytesIO(get(api, "text/csv")), infer_schema=False)["enterprise_name"].to_list()
        assert not [cell for cell in cells if cell[0] in "=+-@\t\r\n＝＋－＠"]
        assert "'" + NAMES[0] in cells and "普通厂" in cells
        for text in NAMES:
            if not text.isprintable() and min(text) < " ":
                continue  # a filter has no control characters
            answer = api.get(TABLE, params={"enterprise_name": f"eq.{text}"}, headers=ALL)
            assert {row["enterprise_name"] for row in answer.json()["rows"]} == {text}, text
            found = api.get("/search", params={"q": text}, headers=ALL)
            assert found.status_code == 200, text
