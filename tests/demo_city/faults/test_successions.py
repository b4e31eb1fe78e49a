"""Changes of identity: the registry reports each of them, and the rest of the city stays the same."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from demo_city.city import CitySpec
from demo_city.truth import IDENTITIES
from tests.demo_city.senders.test_places import rows
from tests.demo_city.sent_city import Sent, send

CASES = {"absorption": 3, "split": 2, "branch": 4, "new_code": 3, "group": 2, "contradiction": 4}
TAXES = ("增值税", "企业所得税", "申报营业收入")


def identities(sent: Sent) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((sent.truth / IDENTITIES).read_text(encoding="utf-8"))
    return cases


def of(sent: Sent, case: str) -> list[dict[str, Any]]:
    return [c for c in identities(sent) if c["case"] == case]


def reported(sent: Sent, year: str) -> list[dict[str, str | None]]:
    """Changes that the registry reports in a year."""
    return rows(sent, f"identity_change_{year}.csv")


def test_cases_do_not_depend_on_scale_and_seed(sent: Sent, tmp_path: Path) -> None:
    larger = send(tmp_path, CitySpec(scale=0.02, seed=3, years=(2022, 2023, 2024)))
    for city in (sent, larger):
        assert Counter(c["case"] for c in identities(city)) == CASES
        assert [c["id"] for c in identities(city)] == [f"I{n:02d}" for n in range(1, sum(CASES.values()) + 1)]


def test_no_firm_has_both_a_case_and_a_planted_fault(sent: Sent) -> None:
    with_faults = {f["key"].get("uscc") for f in sent.faults if f["feed"] != "gov_land_survey"}
    for case in identities(sent):
        firms = {case.get("from"), case.get("to"), *case.get("claimants", ()), *case.get("members", ())} - {
            None
        }
        assert not firms & with_faults, case


def test_the_base_year_has_silent_branches_only(sent: Sent) -> None:
    assert {c["变更类型"] for c in reported(sent, "2020")} == {"分支机构"}
    planted = {c.get("from") for c in identities(sent)}
    assert not planted & {c["原主体代码"] for c in reported(sent, "2020")}


def test_the_registry_reports_every_case_in_its_year(sent: Sent) -> None:
    words = {"absorption": "吸收合并", "split": "分立", "branch": "分支机构", "new_code": "换发代码"}
    for case in identities(sent):
        if case["case"] in words:
            matching = [
                c for c in reported(sent, case["told"])
                if (c["原主体代码"], c["现主体代码"]) == (case["from"], case["to"])
            ]  # fmt: skip
            assert [(c["变更类型"], c["生效日期"]) for c in matching] == [(words[case["case"]], case["date"])]


def test_branches_report_a_part_of_their_heads_figures(sent: Sent) -> None:
    """A branch reports a fifth of its head's figures, and the head reports the rest."""
    for case in of(sent, "branch"):
        mine = {
            c["纳税人识别号"]: c
            for c in rows(sent, "tax_2022.csv")
            if c["纳税人识别号"] in (case["from"], case["to"])
        }
        assert len(mine) == 2
        for column in TAXES:
            part, kept = (Decimal(mine[case[side]][column] or 0) for side in ("from", "to"))
            # a fifth, to the cent; refunds are negative
            assert abs(part * 4 - kept) <= Decimal("0.04"), (case, column)
        power = {c["社会信用代码"] for c in rows(sent, "electricity_2024-05.csv")}
        assert {case["from"], case["to"]} <= power


def test_absorbed_firms_leave_the_directory_and_keep_account_and_certificate(sent: Sent) -> None:
    first, second, chained = of(sent, "absorption")
    assert second["to"] == chained["from"]
    for case in (first, second):
        for year, listed in (("2021", True), ("2022", False), ("2024", False)):
            directory = {c["统一社会信用代码"] for c in rows(sent, f"statistics_directory_{year}.csv")}
            assert (case["from"] in directory) is listed
        for year in ("2021", "2023"):
            accounts = {c["户号"]: c["社会信用代码"] for c in rows(sent, f"electricity_{year}.csv")}
            assert accounts[case["meter_account"]] == case["from"]
            titles = {c["不动产权证号"]: c["权利人代码"] for c in rows(sent, f"land_parcel_{year}.csv")}
            assert titles[case["certificate"]] == case["from"]


@pytest.mark.parametrize("year", ["2021", "2023"])
def test_the_power_supplier_uses_the_former_codes(sent: Sent, year: str) -> None:
    power = {c["社会信用代码"] for c in rows(sent, f"electricity_{year}.csv")}
    directory = {c["统一社会信用代码"] for c in rows(sent, f"statistics_directory_{year}.csv")}
    for case in of(sent, "new_code"):
        assert case["from"] in power and case["to"] not in power
        assert case["to"] in directory and case["from"] not in directory


def test_old_firms_have_registration_numbers_with_a_check_digit(sent: Sent) -> None:
    registered = rows(sent, "business_registry_2020.jsonl")
    old = [c for c in registered if str(c["clrq"]) < "2015-10-01"]
    assert all((c["zch"] is not None) == (str(c["clrq"]) < "2015-10-01") for c in registered)
    numbers = [str(c["zch"]) for c in old]
    assert len(numbers) == len(set(numbers)) and all(checks(n) for n in numbers)
    assert all(c["zzjgdm"] == str(c["tyshxydm"])[8:17] for c in old)


def checks(number: str) -> bool:
    """Whether the check digit is valid by GS 15-2006 (ISO 7064 MOD 11,10): the final product is 1."""
    product = 10
    for digit in number[:-1]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return len(number) == 15 and (product + int(number[-1])) % 10 == 1
