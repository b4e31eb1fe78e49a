"""The list of true changes of land, compared with the senders' files."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from demo_city.city import is_there
from demo_city.truth import LAND_CHANGES
from tests.demo_city.sender_files import read
from tests.demo_city.senders.test_places import Cells, changes, number, rows
from tests.demo_city.sent_city import Sent

YEARS = ("2021", "2022", "2023", "2024")


def parcels(sent: Sent, year: str) -> dict[str, Cells]:
    return {str(c["宗地代码"]): c for c in rows(sent, f"land_parcel_{year}.csv")}


def survey(sent: Sent, year: str) -> list[Cells]:
    paths = sorted(sent.landing.glob(f"gov_land_survey/land_survey_{year}_*.csv"))
    return [record.cells for path in paths for record in read(path)[1]]


def planted(sent: Sent) -> set[str]:
    """Parcels with a planted fault, or in a planted case of identity."""
    return {str(f["key"]["parcel_id"]) for f in sent.faults if "parcel_id" in f["key"]}


def test_every_kind_of_change_is_listed(sent: Sent) -> None:
    kinds = Counter(c["change"] for c in changes(sent))
    assert set(kinds) == {
        "granted", "finished", "sold", "taken_over", "rebuilt", "tenant_changed", "let", "lease_ended",
    }  # fmt: skip
    assert all(number(c["area_mu"]) > 0 and c["year"] in YEARS for c in changes(sent))


def test_holders_and_certificates_change_as_listed(sent: Sent) -> None:
    listed = {
        (c["year"], c["parcel_id"]): (c["from_uscc"], c["to_uscc"])
        for c in changes(sent)
        if c["change"] in ("sold", "taken_over")
    }
    seen = 0
    for year in YEARS:
        before, after = parcels(sent, str(int(year) - 1)), parcels(sent, year)
        assert before.keys() <= after.keys()
        for code, then in before.items():
            now, owners = after[code], (then["权利人代码"], after[code]["权利人代码"])
            if code in planted(sent):
                continue
            if (year, code) not in listed:
                assert owners[0] == owners[1], code
                continue
            if None not in owners:
                assert owners == listed[year, code]
                seen += 1
            certificates = then["不动产权证号"], now["不动产权证号"]
            assert certificates[0] != certificates[1] or certificates == (None, None)
            assert now["取得日期"] is None or str(now["取得日期"]).startswith(f"{year}/")
            assert now["约定竣工日期"] is None
            assert then["宗地面积(平方米)"] == now["宗地面积(平方米)"]
    assert seen > 10


def test_the_buyer_uses_the_land_that_it_bought(sent: Sent) -> None:
    own = {
        (year, c["宗地代码"]): c["用地企业代码"]
        for year in ("2020", *YEARS)
        for c in survey(sent, year)
        if c["用地方式"] == "自用"
    }
    sold = [c for c in changes(sent) if c["change"] == "sold"]
    for c in sold:
        before, after = (
            own.get((str(int(c["year"]) - 1), c["parcel_id"])),
            own.get((c["year"], c["parcel_id"])),
        )
        if c["parcel_id"] not in planted(sent) and before and after:
            assert (before, after) == (c["from_uscc"], c["to_uscc"])
    assert sold


def test_new_parcels_are_in_the_register_and_used_when_finished(sent: Sent) -> None:
    granted = {c["parcel_id"]: c for c in changes(sent) if c["change"] == "granted"}
    finished = {c["parcel_id"]: c["year"] for c in changes(sent) if c["change"] == "finished"}
    for year in YEARS:
        new = parcels(sent, year).keys() - parcels(sent, str(int(year) - 1)).keys()
        assert new == {code for code, c in granted.items() if c["year"] == year}
    for code, year in finished.items():
        used = {y for y in YEARS if any(c["宗地代码"] == code for c in survey(sent, y))}
        standing = {y for y in YEARS if any(c["宗地代码"] == code for c in rows(sent, f"building_{y}.csv"))}
        assert used == standing == {y for y in YEARS if y >= year}


def test_rebuilding_replaces_the_buildings_by_larger_ones(sent: Sent) -> None:
    rebuilt = [c for c in changes(sent) if c["change"] == "rebuilt"]
    for c in rebuilt:
        before, after = (
            [b for b in rows(sent, f"building_{year}.csv") if b["宗地代码"] == c["parcel_id"]]
            for year in (int(c["year"]) - 1, c["year"])
        )
        floor = [sum((number(b["总建筑面积(平方米)"]) for b in some), Decimal(0)) for some in (before, after)]
        assert floor[1] > floor[0] * Decimal("1.6")
        assert not {b["不动产单元号"] for b in before} & {b["不动产单元号"] for b in after}
        assert all(str(b["竣工日期"]).startswith(f"{c['year']}/") and number(b["层数"]) >= 4 for b in after)
    assert rebuilt


def test_tenants_change_as_listed(sent: Sent) -> None:
    tenants = {
        year: {(c["宗地代码"], c["用地企业代码"]): c for c in survey(sent, year) if c["用地方式"] != "自用"}
        for year in ("2020", *YEARS)
    }
    moved = [c for c in changes(sent) if c["change"] in ("tenant_changed", "let", "lease_ended")]
    seen = 0
    for c in moved:
        if c["parcel_id"] in planted(sent):
            continue
        before, after = tenants[str(int(c["year"]) - 1)], tenants[c["year"]]
        if c["change"] != "let":
            assert (c["parcel_id"], c["from_uscc"]) in before and (
                c["parcel_id"],
                c["from_uscc"],
            ) not in after
        if c["change"] != "lease_ended":
            assert (c["parcel_id"], c["to_uscc"]) not in before
            assert str(after[c["parcel_id"], c["to_uscc"]]["租赁起"]).startswith(c["year"])
            seen += 1
    assert seen > 30


def test_a_city_without_the_list_is_generated_again(sent: Sent) -> None:
    path = sent.truth / LAND_CHANGES
    content = path.read_bytes()
    assert is_there(sent.spec, sent.landing, sent.truth)
    path.unlink()
    try:
        assert not is_there(sent.spec, sent.landing, sent.truth)
    finally:
        path.write_bytes(content)
