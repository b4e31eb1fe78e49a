"""core.parcel_use: golden cases with the arithmetic in a comment, and an oracle on generated parcels."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jobs.core.parcel import parcel
from jobs.core.parcel_use import parcel_use
from tests.frames import frame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

OWNER, TENANT, SUBTENANT, OTHER = "owner", "tenant", "subtenant", "other"
P = "330282001GB000001"


def uses(
    spark: SparkSession,
    area: str,
    survey: list[dict[str, Any]],
    owner: str | None = OWNER,
    became: dict[str, str] | None = None,
) -> dict[Any, Any]:
    parcels = frame(
        spark, "core.parcel", [{"parcel_id": P, "year": "2023", "parcel_area_mu": area, "owner_uscc": owner}]
    )
    rows = frame(spark, "raw.gov_land_survey", [{"parcel_id": P, "period": "2023", **s} for s in survey])
    result = parcel_use(parcels, rows, succession(spark, became or {})).collect()
    return {
        (r["uscc"], r["use_type_code"]): (str(r["used_area_mu"].normalize()), r["land_flags"]) for r in result
    }


def succession(spark: SparkSession, became: dict[str, str]) -> DataFrame:
    """Absorptions of 1 May 2022."""
    rows = [
        {"from_uscc": old, "to_uscc": new, "year": "2022", "valid_from_date": date(2022, 5, 1)}
        for old, new in became.items()
    ]
    return frame(spark, "core.succession", rows)


def own(area: str) -> dict[str, Any]:
    return {"uscc": OWNER, "use_type_code": "own", "surveyed_area_mu": area}


def lease(area: str | None, uscc: str = TENANT, **more: Any) -> dict[str, Any]:
    return {"uscc": uscc, "use_type_code": "lease", "lessor_uscc": OWNER, "surveyed_area_mu": area, **more}


def test_the_holder_has_what_the_tenants_do_not_use(spark: SparkSession) -> None:
    # 10 - 4 = 6
    assert uses(spark, "10", [own("6"), lease("4")]) == {
        (OWNER, "own"): ("6", []),
        (TENANT, "lease"): ("4", []),
    }


def test_idle_land_counts_for_the_holder_and_a_differing_survey_is_flagged(spark: SparkSession) -> None:
    assert uses(spark, "10", [own("3")]) == {(OWNER, "own"): ("1E+1", ["survey_differs"])}


def test_a_tenant_without_surveyed_land_has_its_share_by_floor_area(spark: SparkSession) -> None:
    # 25 % of 12 = 3
    result = uses(spark, "12", [own("9"), lease(None, floor_share_pct="25")])
    assert result[TENANT, "lease"] == ("3", ["by_floor_area"])
    assert result[OWNER, "own"] == ("9", [])


def test_sublet_land_counts_for_the_subtenant(spark: SparkSession) -> None:
    # the tenant has 5, sublets 2 of it and keeps 3; the holder keeps 10 - 5 = 5
    sublet = {"uscc": SUBTENANT, "use_type_code": "sublet", "lessor_uscc": TENANT, "surveyed_area_mu": "2"}
    result = uses(spark, "10", [own("5"), lease("5"), sublet])
    assert {k: v[0] for k, v in result.items()} == {
        (OWNER, "own"): "5",
        (TENANT, "lease"): "3",
        (SUBTENANT, "sublet"): "2",
    }


def test_tenants_of_an_over_allotted_parcel_are_scaled_down(spark: SparkSession) -> None:
    # 9 + 6 = 15 on 10: 9 * 10/15 = 6, 6 * 10/15 = 4, nothing is left for the holder
    result = uses(spark, "10", [lease("9"), lease("6", OTHER)])
    assert result == {
        (TENANT, "lease"): ("6", ["over_allotted"]),
        (OTHER, "lease"): ("4", ["over_allotted"]),
        (OWNER, "own"): ("0", ["over_allotted"]),
    }


def test_a_use_larger_than_its_parcel_takes_no_land_from_others(spark: SparkSession) -> None:
    # 4 mu were written in square metres: 2,667 on a parcel of 10. The holder has 3 and another tenant 2, which stay
    slip = lease("2667", OTHER)
    assert uses(spark, "10", [own("3"), lease("2"), slip]) == {
        (OWNER, "own"): ("3", []),
        (TENANT, "lease"): ("2", []),
        (OTHER, "lease"): ("5", ["larger_than_parcel"]),
    }
    # its share of the floor area says more: 40 % of 10
    result = uses(spark, "10", [own("3"), lease("2"), {**slip, "floor_share_pct": "40"}])
    assert result[OTHER, "lease"] == ("4", ["larger_than_parcel"])
    assert (result[TENANT, "lease"][0], result[OWNER, "own"]) == ("2", ("4", ["survey_differs"]))


def test_two_uses_larger_than_their_parcel_share_what_is_left(spark: SparkSession) -> None:
    # 10 - 4 = 6, in the proportion of 2,000 to 1,000
    result = uses(spark, "10", [own("4"), lease("2000"), lease("1000", OTHER)])
    assert {k: v[0] for k, v in result.items()} == {
        (OWNER, "own"): "4", (TENANT, "lease"): "4", (OTHER, "lease"): "2",
    }  # fmt: skip


def test_an_own_use_larger_than_its_parcel_has_the_rest(spark: SparkSession) -> None:
    result = uses(spark, "10", [own("6667"), lease("4")])
    assert result == {(OWNER, "own"): ("6", ["larger_than_parcel"]), (TENANT, "lease"): ("4", [])}


def test_without_a_holder_the_surveyed_own_users_share_the_parcel(spark: SparkSession) -> None:
    survey = [
        {"uscc": OWNER, "use_type_code": "own", "surveyed_area_mu": "6"},
        {"uscc": OTHER, "use_type_code": "own", "surveyed_area_mu": "2"},
    ]
    result = uses(spark, "6", survey, owner=None)
    # 6 * 6/8 = 4.5, 2 * 6/8 = 1.5
    assert result[OWNER, "own"] == ("4.5", ["no_holder", "over_allotted"])
    assert result[OTHER, "own"][0] == "1.5"


def test_the_land_of_an_absorbed_firm_counts_for_its_successor(spark: SparkSession) -> None:
    # 12: the tenant has 3 and the firm that it absorbed 2, together 5; 12 - 5 = 7
    result = uses(spark, "12", [own("7"), lease("3"), lease("2", OTHER)], became={OTHER: TENANT})
    assert result == {(TENANT, "lease"): ("5", []), (OWNER, "own"): ("7", [])}


def test_land_that_an_enterprise_lets_to_itself_is_its_own_use(spark: SparkSession) -> None:
    # the holder absorbed its tenant: 6 + 4 = 10 mu in own use
    assert uses(spark, "10", [own("6"), lease("4")], became={TENANT: OWNER}) == {(OWNER, "own"): ("1E+1", [])}


def test_the_successor_holds_the_parcel_of_an_absorbed_holder(spark: SparkSession) -> None:
    rows = [
        {"parcel_id": P, "period": period, "parcel_area_mu": "10", "owner_uscc": OTHER}
        for period in ("2021", "2023")
    ]
    survey = frame(spark, "raw.gov_land_survey", [])
    found = parcel(
        frame(spark, "raw.gov_land_parcel", rows), survey, succession(spark, {OTHER: OWNER})
    ).collect()
    assert {(r["year"], r["owner_uscc"], "holder_succeeded" in r["land_flags"]) for r in found} == {
        ("2021", OTHER, False),
        ("2023", OWNER, True),
    }


def test_the_latest_row_of_a_code_is_in_force_and_codes_of_one_firm_are_added_up(spark: SparkSession) -> None:
    # the later of OTHER's two rows has 2; with TENANT's 3 the sum is 5
    again = lease("1", OTHER, known_at=datetime(2023, 1, 1, tzinfo=UTC))
    result = uses(spark, "12", [own("7"), lease("3"), lease("2", OTHER), again], became={OTHER: TENANT})
    assert result[TENANT, "lease"] == ("5", [])


areas = st.decimals("0.01", "50", places=2)


# each example is one Spark job over many parcels: shrinking would take minutes and add nothing
@settings(
    max_examples=6,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(
    st.lists(
        st.tuples(areas, st.lists(st.tuples(areas, st.booleans()), max_size=4)), min_size=20, max_size=60
    )
)
def test_uses_agree_with_an_oracle_and_never_exceed_the_parcel(
    spark: SparkSession, parcels: list[tuple[Decimal, list[tuple[Decimal, bool]]]]
) -> None:
    registered, survey, expected = [], [], {}
    for number, (area, tenants) in enumerate(parcels):
        name = f"330282001GB{number:06d}"
        registered.append({"parcel_id": name, "year": "2023", "parcel_area_mu": area, "owner_uscc": OWNER})
        # a claim beyond the parcel is a fault: such claims share what the others leave
        beyond = [t for t, _ in tenants if t > area * Decimal("1.01")]
        claimed = sum((t for t, _ in tenants if t not in beyond), Decimal(0))
        left = max(Decimal(0), area - claimed)
        given_out = Decimal(0)
        for place, (claim, _) in enumerate(tenants):
            survey.append({"parcel_id": name, "period": "2023", **lease(str(claim), f"t{place}")})
            exact = claim if claimed <= area else claim * area / claimed
            if claim in beyond:
                exact = left * claim / sum(beyond)
            got = exact.quantize(Decimal("1e-6"), ROUND_FLOOR)
            expected[name, f"t{place}"] = got
            given_out += got
        expected[name, OWNER] = area - given_out
    result = parcel_use(
        frame(spark, "core.parcel", registered),
        frame(spark, "raw.gov_land_survey", survey),
        succession(spark, {}),
    ).collect()
    assert {(r["parcel_id"], r["uscc"]): r["used_area_mu"] for r in result} == expected
    total: dict[str, Decimal] = defaultdict(Decimal)
    for r in result:
        total[r["parcel_id"]] += r["used_area_mu"]
    assert all(total[f"330282001GB{n:06d}"] <= area for n, (area, _) in enumerate(parcels))
