"""A district's own file: its rows of the release and no others, with what its offices may see."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from portal.exports import district
from schemas.errors import UsageError
from tests.portal.api.publishing import publish_edited
from warehouse.releases import open_release

CIXI = "330282"
GRADES = "per_mu.enterprise_grade"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("district")


def test_it_has_the_districts_rows_and_no_others(built_home: Path, folder: Path) -> None:
    path = folder / "cixi.duckdb"
    rows = district.write(open_release(), CIXI, path)
    assert rows["chain.trade"] == 0, "trades are seen by the city and the firms that they name"
    with duckdb.connect(str(open_release().file), read_only=True) as whole:
        own = {
            uscc
            for (uscc,) in whole.sql(
                f"SELECT DISTINCT uscc FROM core.enterprise WHERE district_code = '{CIXI}'"
            ).fetchall()
        }
        [wanted] = whole.sql(
            f"SELECT count(*) FROM per_mu.enterprise_grade WHERE district_code = '{CIXI}'"
        ).fetchone() or [0]
    assert rows["per_mu.enterprise_grade"] == wanted > 0
    with duckdb.connect(str(path), read_only=True) as file:
        tables = file.sql(
            """SELECT schema_name || '.' || table_name FROM duckdb_columns() WHERE column_name = 'uscc'
            AND schema_name <> 'cn' AND table_name NOT IN (
                'parcel_use', 'parcel_figure', 'land_potential', 'land_promise', 'service_firm')"""
        ).fetchall()
        named = {
            uscc
            for (table,) in tables
            for (uscc,) in file.sql(f"SELECT DISTINCT uscc FROM {table} WHERE uscc IS NOT NULL").fetchall()
        }
        assert named
        assert named <= own
        # the district's land may be used by firms of another one, and by villages that no directory has; services are
        # in no directory of industry
        assert file.sql(
            f"SELECT count(*) FROM core.parcel_use WHERE district_code <> '{CIXI}'"
        ).fetchone() == (0,)
        others = file.sql(
            f"""SELECT count(*) FROM per_mu.baseline WHERE district_code <> '{CIXI}'"""
        ).fetchone()
        assert others == (0,)


def test_it_withholds_what_its_offices_may_not_see(built_home: Path, folder: Path) -> None:
    path = folder / "withheld.duckdb"
    district.write(open_release(), CIXI, path)
    with duckdb.connect(str(path), read_only=True) as file:
        [hidden, all_rows] = file.sql(
            """SELECT count(*) FILTER (g.total_score IS NOT NULL), count(*) FROM per_mu.enterprise_grade g
            JOIN core.consent_state s ON s.uscc = g.uscc AND s.year = g.year
            WHERE s.per_mu_consent_code IN ('not_given', 'withdrawn')"""
        ).fetchone() or [0, 0]
        assert all_rows > 0
        assert hidden == 0
        assert file.sql("SELECT count(*) FROM release.verdict WHERE failing_keys IS NOT NULL").fetchone() == (
            0,
        )
        comments = file.sql(
            "SELECT count(*) FROM duckdb_columns() WHERE comment IS NULL AND schema_name = 'per_mu'"
        )
        assert comments.fetchone() == (0,)
        assert file.sql('SELECT count(*) FROM cn."企业评价等级"').fetchone() == (all_rows_of(file),)


def all_rows_of(file: duckdb.DuckDBPyConnection) -> int:
    [rows] = file.sql("SELECT count(*) FROM per_mu.enterprise_grade").fetchone() or [0]
    return int(rows)


def test_a_consent_that_was_withdrawn_since_then_opens_no_older_release(
    built_copy: Path, folder: Path
) -> None:
    scores = f"""SELECT count(*), count(total_score) FROM {GRADES} g WHERE EXISTS (SELECT 1 FROM core.consent_state s
        WHERE s.uscc = g.uscc AND s.year = g.year AND s.per_mu_consent_code = 'given')"""
    found = []
    for number in (1, 2):
        if number == 2:
            publish_edited(2, 1, ["core.consent"], "DELETE FROM core.consent")
        path = folder / f"before-{number}.duckdb"
        district.write(open_release(1), CIXI, path)
        with duckdb.connect(str(path), read_only=True) as file:
            found.append(file.sql(scores).fetchone())
    [(rows, shown), (rows_since, shown_since)] = [pair or (0, 0) for pair in found]
    assert rows == rows_since >= shown > 0
    assert shown_since == 0


def test_an_unknown_district_writes_nothing(built_home: Path, folder: Path) -> None:
    with pytest.raises(UsageError, match="999 is no district code"):
        district.write(open_release(), "999", folder / "none.duckdb")
    assert not list(folder.glob("none*"))
