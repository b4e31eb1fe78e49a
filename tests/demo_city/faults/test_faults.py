"""Planted faults: each is in its file and breaks its contract; no other record breaks one."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from demo_city.city import CitySpec
from schemas.contract import Feed, feed
from tests.demo_city.sender_files import Record, connected_feeds, faults_of, files_of, read
from tests.demo_city.sent_city import Sent, file, send


def broken_records(sent: Sent) -> Counter[tuple[str, int, str]]:
    broken: Counter[tuple[str, int, str]] = Counter()
    for name, contract in connected_feeds().items():
        for path in files_of(sent.landing, name):
            for record in read(path)[1]:
                broken.update((path.name, record.row, reason) for reason in faults_of(contract, record))
    return broken


def test_exactly_the_planted_records_break_their_contracts(sent: Sent) -> None:
    planted = Counter(
        (f["file"], f["key"]["row"], f["outcome"]["reason"])
        for f in sent.faults
        if f["outcome"]["type"] == "quarantined"
    )
    broken = broken_records(sent)
    repeated = {key for key in broken if "_copy" in key[0] or "_corrected" in key[0]}
    assert {k: n for k, n in broken.items() if k not in repeated} == planted
    # Copies and corrected snapshots repeat the broken records (a withdrawn row may shift line numbers).
    originals = ("electricity_2023.csv", "statistics_annual_2023.csv")
    assert Counter(reason for _, _, reason in repeated) == Counter(
        reason for name, _, reason in planted if name in originals
    )
    assert len(repeated) == 4  # two check digits, one domain, one type


KINDS = {
    "bad_date", "buyer_without_permit", "corrected_file", "cumulative_falls", "district_outside_ningbo", "former_town",
    "land_a_thousandth", "late_file", "lease_ends_before_it_begins",
    "malformed_meter_account", "malformed_party", "malformed_patent",
    "missing_required", "missing_town", "negative_value_added", "not_a_number", "old_district_code",
    "out_of_domain", "over_allotted_parcel", "pledge_of_a_right_sold",
    "purchase_from_unknown", "quota_above_balance", "rd_above_revenue", "renamed",
    "repeated_file", "reversed_validity", "right_above_balance", "square_metres_as_mu", "tax_quarantined_graded",
    "town_of_other_district", "unit_slip_parsable", "unit_slip_unparsable", "unknown_code_word",
    "unknown_firm_consent", "unknown_industry_directory", "unknown_product", "unknown_town",
    "valid_code_stdnum_rejects", "wrong_check_digit_consent", "wrong_check_digit_directory",
    "wrong_check_digit_electricity", "wrong_check_digit_meter", "wrong_check_digit_tax",
}  # fmt: skip


def test_every_kind_is_planted_and_visible_in_its_file(sent: Sent) -> None:
    assert {f["kind"] for f in sent.faults} == KINDS
    assert [f["id"] for f in sent.faults] == [f"F{i + 1:03d}" for i in range(len(sent.faults))]
    for fault in sent.faults:
        contract, path = feed(fault["feed"]), sent.landing / fault["feed"] / fault["file"]
        records = read(path)[1]
        if row := fault["key"].get("row"):
            (record,) = [r for r in records if r.row == row]
            assert shows(contract, record, fault), fault
        elif fault["outcome"].get("row_absent"):
            assert fault["key"]["uscc"] not in keys(contract, records)
            regular = path.with_name(path.name.replace("_corrected", ""))
            assert fault["key"]["uscc"] in keys(contract, read(regular)[1])


def shows(contract: Feed, record: Record, fault: dict[str, dict[str, str]]) -> bool:
    headings = {n: m.heading for n, m in contract.source.mapping.items()}
    key = {str(headings[n]): v for n, v in fault["key"].items() if n != "row"}
    return all(
        record.cells[h] == v or str(record.cells[h]) == v for h, v in {**key, **fault["cells"]}.items()
    )


def keys(contract: Feed, records: list[Record]) -> set[str | None]:
    return {r.cells[str(contract.source.mapping["uscc"].heading)] for r in records}


def test_planted_faults_do_not_depend_on_the_scale(sent: Sent, tmp_path: Path) -> None:
    larger = send(tmp_path, CitySpec(scale=0.02, years=sent.spec.years, slips=False))
    assert Counter(f["kind"] for f in larger.faults) == Counter(f["kind"] for f in sent.faults)
    rows = sum(1 for f in larger.faults if "row" in f["key"])
    assert rows < 0.005 * larger.report.total_records


def test_the_base_year_is_clean(sent: Sent) -> None:
    assert [f for f in sent.faults if f["period"].startswith("2020")] == []


def test_repeated_corrected_and_late_files(sent: Sent) -> None:
    def manifest(name: str) -> dict[str, str]:
        fields: dict[str, str] = json.loads(file(sent, f"{name}.manifest.json").read_text(encoding="utf-8"))
        return fields

    copy, first = manifest("electricity_2023_copy.csv"), manifest("electricity_2023.csv")
    assert copy["sha256"] == first["sha256"] and copy["sent_at"] > first["sent_at"]
    corrected, first = (
        manifest("statistics_annual_2023_corrected.csv"),
        manifest("statistics_annual_2023.csv"),
    )
    assert corrected["period"] == first["period"] and corrected["sent_at"] > first["sent_at"]
    assert int(corrected["records"]) == int(first["records"]) - 1
    # The survey is due 120 days after the year's end, on 29 April 2024; the late file arrives 45 days after that.
    assert manifest("land_survey_2023_xiangshan.csv")["sent_at"] == "2024-06-13T02:00:00Z"
    assert manifest("land_survey_2023_cixi.csv")["sent_at"] < "2024-04-29"


def test_firms_whose_data_are_incomplete_are_above_scale(sent: Sent) -> None:
    incomplete = [
        f for f in sent.faults if f["outcome"] == {"type": "population", "status": "data_incomplete"}
    ]
    assert len(incomplete) >= 6
    directory = {
        r.cells["统一社会信用代码"]: r.cells["规模"]
        for r in read(file(sent, "statistics_directory_2023.csv"))[1]
    }
    assert {directory[f["key"]["uscc"]] for f in incomplete} == {"规上"}
