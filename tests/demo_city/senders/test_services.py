"""Services, service complexes and the assessment of parks as they are sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

from demo_city.senders.services import services
from demo_city.world.city import City
from schemas.contract import code_list
from tests.demo_city.sender_files import valid_uscc
from tests.demo_city.senders.test_places import number, rows
from tests.demo_city.sent_city import Sent


def test_services_have_codes_premises_and_figures(sent: Sent) -> None:
    firms = rows(sent, "service_annual_2022.csv")
    assert len(firms) > 50 and len({f["统一社会信用代码"] for f in firms}) == len(firms)
    assert all(valid_uscc(str(f["统一社会信用代码"])) for f in firms)
    assert {str(f["行业大类"]) for f in firms} <= set(code_list("service_division"))
    above = [f for f in firms if number(f["营业收入(万元)"]) >= 500 or number(f["平均用工人数(人)"]) >= 50]
    assert len(above) > 0.95 * len(firms)
    landed = [f for f in firms if number(f["自有用地(亩)"]) > 0]
    assert 0.03 < len(landed) / len(firms) < 0.4
    assert not [f for f in landed if f["所在服务综合体"]]


def test_a_few_services_are_industrial_firms_too(city: City) -> None:
    every = services(city)
    industrial = set(city.codes.to_pylist())
    assert 1 <= sum(code in industrial for code in every.codes.to_pylist()) <= 0.05 * len(every.division)


def test_complexes_hold_their_service_firms(sent: Sent) -> None:
    complexes = {str(c["zhtdm"]): c for c in rows(sent, "service_complex_2022.jsonl")}
    tax: dict[str, Decimal] = defaultdict(Decimal)
    for firm in rows(sent, "service_annual_2022.csv"):
        if firm["所在服务综合体"] in complexes and firm["税收实际贡献(万元)"]:
            tax[str(firm["所在服务综合体"])] += number(firm["税收实际贡献(万元)"])
    assert all(tax[code] <= number(c["ssgx"]) for code, c in complexes.items())
    assert all(number(c["sdzcqys"]) <= number(c["rzqys"]) for c in complexes.values())


def test_parks_are_marked_in_nine_dimensions(sent: Sent) -> None:
    marks = rows(sent, "park_assessment_2022.csv")
    small = [p for p in rows(sent, "park_2022.csv") if p["园区类型"] == "小微企业园"]
    by_park = Counter(str(m["园区代码"]) for m in marks)
    assert set(by_park) == {str(p["园区代码"]) for p in small}
    assert max(by_park.values()) == 9 and all(20 <= number(m["得分(百分制)"]) <= 100 for m in marks)
    assert all(p["认定日期"] is None or str(p["认定日期"]) < "2023" for p in small)
