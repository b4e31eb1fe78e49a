"""core.enterprise_month: single months derived from cumulative figures, and the month's figures of other feeds."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jobs.core.enterprise_month import JOB, enterprise_month
from tests.expectations.good_city import code_of
from tests.frames import frame
from tests.oracles.months import Told, single_months

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Row = dict[str, Any]
U, V, W, OLD = (code_of(number) for number in range(1, 5))


def month_rows(
    spark: SparkSession, made: list[str] | None = None, **given: list[Row]
) -> dict[tuple[str, str], Row]:
    """Rows by firm and month; ``made`` are the months to compute, by default all months of the statistics."""
    statistics = given["statistics"]
    given["to_date"] = statistics
    if made:
        given["statistics"] = [r for r in statistics if r["period"] in made]
    frames = {name: frame(spark, i.table, given.get(name, [])) for name, i in JOB.inputs.items()}
    rows = [r.asDict() for r in enterprise_month(**frames).collect()]
    found = {(r["uscc"], r["month"]): r for r in rows}
    assert len(found) == len(rows)
    return found


def told(month: int, output: str, uscc: str = U, **more: Any) -> Row:
    return {
        "uscc": uscc, "period": f"2024-{month:02}", "output_wan_yuan": output, "value_added_wan_yuan": "1",
        "revenue_wan_yuan": output, "employees_average": 7, **more,
    }  # fmt: skip


def test_single_months_are_differences(spark: SparkSession) -> None:
    statistics = [
        told(2, "20", value_added_wan_yuan="5"), told(3, "33", value_added_wan_yuan="4"), told(5, "60"),
        told(6, "50"), told(7, "70"), told(4, "12", V, profit_wan_yuan="-2"),
        {**told(2, "3"), "period": "2023-02"}, {**told(3, "9"), "period": "2023-03"},
    ]  # fmt: skip
    rows = month_rows(spark, statistics=statistics)
    found = {
        (u, m): (str(r["output_month_wan_yuan"].normalize()), r["months_covered"], r["is_cumulative_fall"])
        for (u, m), r in rows.items()
    }
    assert found == {
        (U, "2024-02"): ("2E+1", 2, False),  # January and February
        (U, "2024-03"): ("13", 1, False),  # 33 - 20
        (U, "2024-05"): ("27", 2, False),  # 60 - 33: April was not reported, May covers both
        (U, "2024-06"): ("-1E+1", 1, True),  # 50 - 60: a fall is kept
        (U, "2024-07"): ("2E+1", 1, False),  # 70 - 50
        (V, "2024-04"): ("12", 4, False),  # the first reported month covers January to April
        (U, "2023-02"): ("3", 2, False),  # each year starts again
        (U, "2023-03"): ("6", 1, False),
    }
    assert str(rows[U, "2024-03"]["value_added_month_wan_yuan"].normalize()) == "-1"
    assert str(rows[V, "2024-04"]["profit_ytd_wan_yuan"].normalize()) == "-2"
    assert rows[U, "2024-03"]["export_ytd_wan_yuan"] is None


def test_a_month_has_the_figures_of_other_feeds_including_predecessors(spark: SparkSession) -> None:
    became = [{"from_uscc": OLD, "to_uscc": U, "year": "2024", "valid_from_date": date(2024, 3, 1)}]
    march = {"period": "2024-03"}
    rows = month_rows(
        spark,
        statistics=[told(2, "20"), told(3, "33"), told(3, "5", V)],
        enterprises=[
            {"uscc": U, "year": "2022", "district_code": "330203", "identity_flags": []},
            {"uscc": U, "year": "2023", "district_code": "330206", "identity_flags": []},
            {"uscc": U, "year": "2025", "district_code": "330211", "identity_flags": []},
        ],
        succession=became,
        tax=[
            {
                "uscc": U,
                **march,
                "tax_vat_wan_yuan": "3",
                "tax_income_wan_yuan": "2",
                "declared_revenue_wan_yuan": "99",
            },
            {"uscc": OLD, **march, "tax_vat_wan_yuan": "-1"},
            {"uscc": OLD, "period": "2024-02", "tax_vat_wan_yuan": "50"},
        ],
        electricity=[{"uscc": U, **march, "meter_account_code": a, "power_kwh": "10"} for a in "ab"],
        water=[{"uscc": OLD, **march, "water_account_code": "w", "water_m3": "4"}],
        insurance=[{"uscc": u, **march, "insured_count": n} for u, n in ((U, 5), (OLD, 2), (W, 9))],
        customs=[
            {"uscc": U, **march, "hs_code": h, "trade_direction_code": d, "customs_value_wan_yuan": v}
            for h, d, v in (("1", "export", "7"), ("2", "export", "1"), ("1", "import", "0.5"))
        ],
        reports=[{"uscc": U, **march, "new_orders_wan_yuan": "11", "capacity_utilisation_pct": "81.5"}],
    )
    assert set(rows) == {(U, "2024-02"), (U, "2024-03"), (V, "2024-03")}
    found = {
        c: None if v is None else str(Decimal(v).normalize())
        for c, v in rows[U, "2024-03"].items()
        if isinstance(v, int | Decimal | None) and not isinstance(v, bool)
    }
    assert {c: found[c] for c in (
        "tax_month_wan_yuan", "power_kwh", "water_m3", "insured_count", "customs_export_wan_yuan",
        "customs_import_wan_yuan", "new_orders_wan_yuan", "orders_in_hand_wan_yuan", "capacity_utilisation_pct",
    )} == {
        "tax_month_wan_yuan": "4",  # 3 + 2, and -1 of the predecessor; declared revenue is no tax
        "power_kwh": "2E+1", "water_m3": "4", "insured_count": "7",
        "customs_export_wan_yuan": "8", "customs_import_wan_yuan": "0.5",
        "new_orders_wan_yuan": "11", "orders_in_hand_wan_yuan": None, "capacity_utilisation_pct": "81.5",
    }  # fmt: skip
    # the succession starts in March, and no other tax is reported for February
    assert rows[U, "2024-02"]["tax_month_wan_yuan"] is None
    # the latest directory up to the year; without a directory the district in the credit code
    assert rows[U, "2024-03"]["district_code"] == "330206"
    assert rows[V, "2024-03"]["district_code"] == "330203"


def test_only_the_requested_months_are_computed(spark: SparkSession) -> None:
    statistics = [told(2, "20"), told(3, "33"), told(4, "40")]
    rows = month_rows(spark, ["2024-03"], statistics=statistics)
    assert {m: str(r["output_month_wan_yuan"].normalize()) for (_, m), r in rows.items()} == {"2024-03": "13"}


figures = st.one_of(st.integers(-5, 60).map(Decimal), st.decimals("0", "9999", places=3))


@settings(
    max_examples=2,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 30), st.sampled_from(["2023", "2024"]), st.integers(2, 12)),
        st.tuples(figures, st.one_of(st.none(), figures)),
        min_size=100,
        max_size=250,
    )
)
def test_single_months_agree_with_the_oracle(
    spark: SparkSession, world: dict[tuple[int, str, int], Any]
) -> None:
    """Gaps, falls and blanks; value added, an optional column, represents all optional columns."""
    output: Told = {}
    value_added: Told = {}
    statistics = []
    for (number, year, month), (made, added) in world.items():
        key = (code_of(number), f"{year}-{month:02}")
        output[key], value_added[key] = made, added
        statistics.append({**told(month, str(made), key[0]), "period": key[1], "value_added_wan_yuan": added})
    rows = month_rows(spark, statistics=statistics)
    assert {
        k: (r["output_month_wan_yuan"], r["months_covered"], r["is_cumulative_fall"]) for k, r in rows.items()
    } == single_months(output)
    assert {k: r["value_added_month_wan_yuan"] for k, r in rows.items()} == {
        k: brought for k, (brought, _, _) in single_months(value_added).items()
    }
