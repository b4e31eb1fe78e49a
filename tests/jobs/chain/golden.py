"""The golden world: firms whose positions, flows and figures a person can check. Amounts in 万元."""

from __future__ import annotations

from datetime import date

from schemas.contract import code_list
from tests.jobs.chain.world import World, code_of

#: Credit codes of the golden world's firms.
WEAVER, SPINNER, PADDER, ODD, FAR, BARE, SOLE, TAILOR, DECIDED, ONCE, BUYER, MISNAMED = (
    code_of(n) for n in range(12)
)
STRANGER = "91110000600037341L"


def golden_world() -> World:
    """Firms of 2024, some also of 2023; trades of December 2024."""
    world = World()
    spun, woven, waste = "171101", "171201", "178102"
    # declares shares of 60 and 20, that is 75 % and 25 %; sells only cloth
    for year, output in (("2023", 80_000), ("2024", 120_000)):
        world.firm(WEAVER, "1712", output, year=year, makes={woven: "60", "176101": "20"})
    world.trade(WEAVER, TAILOR, woven, "300")
    # sells yarn; class 1711 also has products outside the chains, so the class alone confirms nothing
    world.firm(SPINNER, "1711", 30_000)
    world.trade(SPINNER[8:17], WEAVER, spun, "90")  # by its organisation code
    world.trade(SPINNER, STRANGER, spun, "10")
    world.trade(STRANGER, WEAVER, spun, "60")
    world.trade(STRANGER, "330200000012345", woven, "5")
    # makes wadding and, as the other half, a product of no chain
    world.firm(PADDER, "1781", makes={"178101": "50", waste: "50"}, year="2023")
    world.firm(PADDER, "1781", makes={"178101": "50", waste: "50"})
    # also declares wadding under the code of dyes, in both years
    for year in ("2023", "2024"):
        world.firm(MISNAMED, "1781", makes={"178101": "60", "264501": "40"}, year=year)
        world.products[-1]["product_name"] = code_list("product")["178101"]["zh"]
    # 2 % of an unrelated product: stray
    world.firm(ODD, "1712", 50_000, makes={woven: "98", "264501": "2"}, year="2023")
    world.firm(ODD, "1712", 50_000, makes={woven: "98", "264501": "2"})
    # one sale of a product far from its class: stray; the class gives the other positions and confirms none
    world.firm(FAR, "1819", 9_000)
    world.trade(FAR, TAILOR, "264501", "7")
    # known only by a class that no node has
    world.firm(BARE, "3670", 4_000)
    # known only by a class that one node has
    world.firm(SOLE, "1712")
    # declares two products without shares; buys from the weaver and from outside
    world.firm(TAILOR, "1829", 200_000, district_code="330206", makes={"182901": None, "183001": None})
    world.firm(
        TAILOR, "1829", 100_000, district_code="330206", year="2023", makes={"182901": None, "183001": None}
    )
    world.trade(STRANGER, TAILOR, woven, "100")
    # positions decided by an override
    world.firm(DECIDED, "3670", makes={woven: "100"})
    world.overrides = [
        {
            "uscc": DECIDED, "positions": {"EXT-D01": "25", "OUT": "75"}, "from_year": 2024, "to_year": None,
            "reason": "贸易公司", "document": "〔2024〕3号",
        }
    ]  # fmt: skip
    # declared in one year only and bought by nobody
    world.firm(ONCE, "1713", makes={"176101": "100"})
    # class 1713 is in TST-M01 and TST-M02; the firm buys wadding, which only TST-M01 uses
    world.firm(BUYER, "1713")
    world.trade(STRANGER, BUYER, "178101", "8")
    world.honour(WEAVER, "single_champion", "national", "2023", date(2025, 12, 31))
    world.honour(TAILOR, "little_giant", "provincial")  # not the national level
    world.event(ODD, "credit", "tax_grade_d", year="2023")
    for version, grade in ((1, "B"), (2, "D")):
        world.grades.append(
            {"uscc": ODD, "year": "2024", "final_grade": grade, "evaluation_version": version}
        )
    for month, output, before in (("2024-02", 20_000, 16_000), ("2024-11", 110_000, 80_000)):
        world.months.append(
            {
                "uscc": WEAVER, "month": month, "year": "2024", "district_code": "330203",
                "output_ytd_wan_yuan": output, "value_added_ytd_wan_yuan": output // 4,
                "revenue_ytd_wan_yuan": output, "output_last_year_wan_yuan": before,
            }
        )  # fmt: skip
    # came above scale in 2024, so it has no figures of 2023; its report of December states those of last year
    world.months.append(
        {
            "uscc": SPINNER, "month": "2024-12", "year": "2024", "district_code": "330203",
            "output_ytd_wan_yuan": 30_000, "value_added_ytd_wan_yuan": 7_500, "revenue_ytd_wan_yuan": 30_000,
            "output_last_year_wan_yuan": 24_000, "value_added_last_year_wan_yuan": 6_250,
        }
    )  # fmt: skip
    return world
