"""All rankers of ``./brain bench ranking`` compute the same table."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import by_name, ranking
from schemas.contract import contracts
from schemas.errors import UsageError
from warehouse import duck, tables

#: 26 firms in each year: 2 above scale, 24 below.
ROWS = 26 * ranking.YEARS


def sorted_rows(connection_to: str) -> list[dict[str, object]]:
    with duck.connect() as connection:
        return duck.fetch(connection, f"SELECT * FROM {connection_to} ORDER BY uscc, year")


def test_all_rankers_agree_with_each_other_and_with_a_count_by_hand(home: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"
    ranking.make_up(given, ROWS)
    ranking.duckdb_rank(given, tmp_path / "duckdb.parquet")
    ranking.polars_rank(given, tmp_path / "polars.parquet")
    by_duckdb = sorted_rows(f"read_parquet({duck.literal(str(tmp_path / 'duckdb.parquet'))})")
    assert sorted_rows(f"read_parquet({duck.literal(str(tmp_path / 'polars.parquet'))})") == by_duckdb
    with ranking.known(ranking.ranking_table()):
        assert ranking.rank(given) == ROWS
        assert ranking.rank(given) == ROWS  # replaces the first result
        rows = tables.rows("bench.ranking", ranking.COLUMNS).to_pylist()
    assert sorted(rows, key=lambda r: (r["uscc"], r["year"])) == by_duckdb
    of_list = sorted(
        (r for r in rows if r["year"] == "2020" and r["list_code"] == "below_scale"),
        key=lambda r: r["city_rank"],
    )
    n = len(of_list)
    assert [r["city_rank"] for r in of_list] == list(range(1, n + 1)) and of_list[0]["list_size"] == n
    assert [r["total_score"] for r in of_list] == sorted((r["total_score"] for r in of_list), reverse=True)
    # 24 firms: 20 % are 4, 65 % are 15, 95 % are 22
    assert n == 24 and "".join(r["final_grade"] for r in of_list) == "A" * 4 + "B" * 11 + "C" * 7 + "D" * 2
    assert (of_list[0]["percentile_pct"], of_list[-1]["percentile_pct"]) == (0, 100)


def test_it_reports_seconds_and_ratios_and_leaves_no_contract_behind(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "REPEATS", 1)
    rows = by_name.run("ranking", 1, lambda _: None, rows=ROWS)
    assert [row["peer"].split(",")[0] for row in rows] == ["DuckDB", "Polars", ""]
    assert all(row["measured"] > 0 and row["ratio"] for row in rows[:2])
    assert "bench.ranking" not in contracts()


def test_too_few_rows_are_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match="--rows 3: give at least 10"):
        by_name.run("ranking", 1, lambda _: None, rows=3)
