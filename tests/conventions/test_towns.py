"""The list of towns (镇街) follows the rules of its codes: GB/T 10114, and 统计用区划代码 for zones."""

from __future__ import annotations

from schemas.contract import code_list

#: Kind → first and last number of the code's last three digits, the ends of both titles.
KINDS = {
    "subdistrict": (1, 99, "街道", " Subdistrict"),
    "town": (100, 199, "镇", " Town"),
    "township": (200, 399, "乡", " Township"),
    "other": (400, 599, "", ""),
}


def test_codes_and_titles_fit_the_kind() -> None:
    for code, row in code_list("town").items():
        first, last, zh, en = KINDS[row["kind"]]
        assert first <= int(code[6:]) <= last, code
        assert row["zh"].endswith(zh) and row["en"].endswith(en), code
        assert row["district"] == code[:6] and row["district"] in code_list("district"), code
        assert row["valid_from"] == "" or 2015 < int(row["valid_from"]) < 2030, code


def test_every_district_has_towns() -> None:
    assert {row["district"] for row in code_list("town").values()} | {"330200"} == set(code_list("district"))


def test_a_former_code_is_none_of_todays_and_leads_to_one() -> None:
    towns, former = code_list("town"), code_list("former_town")
    assert set(towns) & set(former) == set()
    assert {row["successor"] for row in former.values()} <= {*towns, ""}
    for code, row in former.items():
        assert code[:6] in {**code_list("district"), **code_list("former_district")}, code
        assert row["reason"], code
