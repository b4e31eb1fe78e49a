"""Contracts as ODCS documents: what they say, and that their rules find wrong rows of a release.

``.ci/run`` gives them to datacontract-cli itself, in an environment of its own.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from portal.access.viewer import ROLES
from portal.exports import odcs
from schemas.coded import titled
from schemas.contract import ACCESS_COLUMNS, AccessKey, contract, published_contracts
from tests.portal.conftest import Brain
from warehouse import duck
from warehouse.releases import open_release
from warehouse.settings import CHECKOUT, settings

GRADES = "per_mu.enterprise_grade"
DUE = "latency"  # of the standard's service levels: days from the end of a period to its rows


def properties(table: str) -> dict[str, dict[str, Any]]:
    return {found["name"]: found for found in odcs.document(contract(table))["schema"][0]["properties"]}


def custom(found: dict[str, Any]) -> dict[str, Any]:
    return {one["property"]: one["value"] for one in found["customProperties"]}


def rules(table: str) -> dict[str, str]:
    """Id → query, with the table's name in it, of rules that count wrong rows."""
    quality = odcs.document(contract(table))["schema"][0].get("quality", [])
    return {rule["id"]: rule["query"].replace("${table}", table) for rule in quality}


def test_a_document_says_what_the_contract_says() -> None:
    found = odcs.document(contract("per_mu.district_summary"))
    assert (found["apiVersion"], found["kind"], found["status"]) == ("v3.1.0", "DataContract", "active")
    assert (found["id"], found["domain"], found["version"]) == ("per_mu.district_summary", "per_mu", "3.0.0")
    assert found["name"] == "区县评价汇总 Summary by district"
    assert found["team"]["name"] == found["support"][0]["channel"] == "市亩均办"
    assert custom(found) == {
        "accessKey": "district",
        "legalBasis": "statistics_only",
        "legalSource": "浙政发〔2018〕5号; 甬亩均办〔2022〕7号",
    }
    assert "统计法" not in found["description"]["limitations"]
    assert "单个企业的统计数据仅限统计用途" in found["description"]["limitations"]
    assert "servers" not in found


def test_a_property_says_what_the_column_is() -> None:
    columns = properties("per_mu.district_summary")
    assert list(columns) == contract("per_mu.district_summary").column_names
    keys = {name: c["primaryKeyPosition"] for name, c in columns.items() if c.get("primaryKey")}
    assert keys == {"year": 1, "district_code": 2, "list_code": 3}
    assert columns["row_id"]["unique"] and columns["row_id"]["required"]
    year = columns["year"]
    assert (year["logicalType"], year["physicalType"]) == ("integer", "INTEGER")
    tax = columns["tax_contribution_wan_yuan"]
    assert (tax["logicalType"], tax["physicalType"], tax["required"]) == ("number", "DECIMAL(24,6)", True)
    assert tax["classification"] == "public"
    about = custom(tax)
    assert (about["unit"], about["countedBy"], about["leastFirms"]) == ("万元", "landed_firm_count", 3)
    assert about["disclosedBecause"].startswith("Totals are published unless one firm can be inferred")
    lists = columns["list_code"]["quality"][0]
    assert (lists["id"], lists["metric"], lists["mustBe"]) == ("list_code_code", "invalidValues", 0)
    assert lists["arguments"] == {"validValues": list(titled("per_mu_list"))}
    score = properties(GRADES)["total_score"]
    assert (
        custom(score)["restsOnConsent"] and "per_mu.indicator_value.score" in score["transformSourceObjects"]
    )


def test_a_pattern_is_that_of_the_whole_text() -> None:
    pattern = properties("chain.gap")["node_code"]["logicalTypeOptions"]["pattern"]
    assert re.search(pattern, "JQR-M01") and re.search(pattern, "OUT")
    assert (
        not re.search(pattern, "xJQR-M01")
        and not re.search(pattern, "JQR-M012")
        and not re.search(pattern, "OUTx")
    )


def test_the_last_feed_decides_when_a_table_is_due() -> None:
    """The document names the feed; its days are those of the feed's own file."""
    levels = {one["property"]: one for one in odcs.document(contract("per_mu.population"))["slaProperties"]}
    assert (levels["frequency"]["value"], levels["frequency"]["unit"]) == (1, "y")
    assert levels[DUE]["unit"] == "d" and levels[DUE]["element"] == "population.year"
    feed = re.search(r"gov_\w+|ent_\w+", levels[DUE]["description"])
    assert feed
    written = (CHECKOUT / f"schemas/raw/{feed[0]}.yml").read_text(encoding="utf-8")
    assert f"lateness_days: {levels[DUE]['value']}\n" in written
    months = {
        one["property"]: one for one in odcs.document(contract("core.enterprise_month"))["slaProperties"]
    }
    assert months["frequency"]["unit"] == "m"


def test_every_access_key_names_its_readers() -> None:
    """A firm or town reads a table exactly if its rows are cut by firms or towns."""
    assert set(odcs._READERS) == set(get_args(AccessKey))
    for key, readers in odcs._READERS.items():
        assert set(readers) <= set(ROLES)
        cut_by = {column for group in ACCESS_COLUMNS[key] for column in group}
        assert ("enterprise" in readers) == ("uscc" in cut_by), key
        assert ("town" in readers) == ("town_code" in cut_by), key
        assert ("city" in readers) == (key != "public")


def test_without_a_release_every_table_has_a_document(cold_home: Path, brain: Brain) -> None:
    code, out, err = brain("export", "contracts", "--json")
    assert (code, err) == (0, "")
    listed = {row["table"]: Path(row["file"]) for row in json.loads(out)}
    assert list(listed) == [spec.name for spec in published_contracts()]
    folder = settings().home / "exports" / "contracts"
    assert sorted(listed.values()) == sorted(folder.iterdir())
    document = yaml.safe_load(listed[GRADES].read_text(encoding="utf-8"))
    assert document == odcs.document(contract(GRADES))
    _, out, _ = brain("export", "contracts")
    assert "name no server" in out


def test_a_file_is_no_folder(cold_home: Path, brain: Brain, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    code, out, err = brain("export", "contracts", "--to", str(tmp_path / "taken"))
    assert (code, out) == (2, "")
    assert err == f"brain: --to {tmp_path / 'taken'}: this is a file; name a folder\n"


def test_types_are_those_of_the_release(built_home: Path, brain: Brain, tmp_path: Path) -> None:
    code, out, err = brain("export", "contracts", "--to", str(tmp_path / "new" / "folder"), "--json")
    assert code == 0, err
    release = open_release()
    with duck.connect(release.file, read_only=True) as connection:
        found = connection.execute(
            "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
    types = {(table, column): kind for table, column, kind in found}
    for row in json.loads(out):
        document = yaml.safe_load(Path(row["file"]).read_text(encoding="utf-8"))
        [server], [table] = document["servers"], document["schema"]
        assert (server["type"], server["database"]) == ("duckdb", str(release.file))
        name = f"{server['schema']}.{table['name']}"
        assert name == row["table"] == document["id"]
        assert {(name, c["name"]): c["physicalType"] for c in table["properties"]} == {
            key: kind for key, kind in types.items() if key[0] == name
        }


#: Table, rule → statement that breaks it in one row.
FAULTS = {
    (GRADES, "grade_reasons_code"): "grade_reasons = ['nonsense']",
    (GRADES, "uscc_check_digit"): "uscc = '91350100M000100Y44'",
    (GRADES, "town_code_code"): "town_code = '999999999'",
    ("core.parcel", "land_flags_code"): "land_flags = [NULL]",
    ("core.consent", "consent_kinds_code"): "consent_kinds = ['nonsense']",
    ("core.consent", "consent_end_date_order"): "consent_end_date = DATE '1990-01-01'",
}


def test_rules_that_are_queries_hold_and_find_one_wrong_row(built_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "copy.duckdb"
    shutil.copyfile(open_release().file, file)
    with duck.connect(file) as connection:

        def wrong(query: str) -> int:
            [(count,)] = connection.execute(query).fetchall()
            return int(count)

        queries = {
            (s.name, id_): query for s in published_contracts() for id_, query in rules(s.name).items()
        }
        assert set(FAULTS) <= set(queries)
        assert {key: wrong(query) for key, query in queries.items()} == dict.fromkeys(queries, 0)
        for (table, rule), fault in FAULTS.items():
            connection.execute("BEGIN")
            connection.execute(f"UPDATE {table} SET {fault} WHERE rowid = (SELECT min(rowid) FROM {table})")
            assert wrong(queries[table, rule]) == 1, (table, rule)
            connection.execute("ROLLBACK")
        # a code with the credit code of a firm is in the list
        connection.execute(f"UPDATE {GRADES} SET grade_reasons = ['inherited:91330203MA7FDR5A3W']")
        assert wrong(queries[GRADES, "grade_reasons_code"]) == 0


def test_a_code_list_is_written_out_or_looked_up() -> None:
    for spec in published_contracts():
        of_columns = {c["name"]: c.get("quality", []) for c in properties(spec.name).values()}
        for column in spec.columns:
            if column.domain.codes:
                ids = [rule["id"] for rule in of_columns[column.name]] + list(rules(spec.name))
                assert ids.count(f"{column.name}_code") == 1, (spec.name, column.name)


@pytest.mark.slow
def test_datacontract_finds_what_is_wrong(built_home: Path, tmp_path: Path) -> None:
    """One fault of each kind in one table: the tool of others reports these columns and no others."""
    uv = shutil.which("uv") or str(settings().cache / "uv" / "bin" / "uv")
    file = tmp_path / "copy.duckdb"
    shutil.copyfile(open_release().file, file)
    document = odcs.write(contract(GRADES), tmp_path, file)
    run = [
        uv, "run", "--isolated", "--locked", "--only-group", "contracts", "--directory", str(CHECKOUT),
        "datacontract", "test", str(document), "--output", str(tmp_path / "found.json"), "--output-format", "json",
    ]  # fmt: skip
    assert subprocess.run(run, capture_output=True, check=False).returncode == 0
    with duck.connect(file) as connection:
        for row, fault in enumerate(
            ("final_grade = 'E'", "total_score = NULL", "grade_reasons = ['nonsense']", "uscc = '91350100M000100Y44'",
             "percentile_pct = 101")
        ):  # fmt: skip
            connection.execute(f"UPDATE {GRADES} SET {fault} WHERE rowid = {row}")
        connection.execute(f"ALTER TABLE {GRADES} ALTER is_tie TYPE VARCHAR")
    assert subprocess.run(run, capture_output=True, check=False).returncode == 1
    checks = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["checks"]
    failed = [check for check in checks if check["result"] != "passed"]
    assert {check["field"] for check in failed if check["field"]} == {
        "final_grade", "total_score", "percentile_pct", "is_tie",
    }  # fmt: skip
    said = sorted(check["name"].split(" ")[0] for check in failed if not check["field"])
    assert said == ["统一社会信用代码校验码正确", "调档原因在代码表内"]
    assert len(failed) == 6
