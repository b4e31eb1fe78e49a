"""The wide row of a profile: everything that the platform knows of an enterprise in a period.

A period is a year of the directory, or a month. A year shows its own yearly figures; a month before December
shows those of the year before, the last complete one. A year with months but without December is incomplete: its
figures are dated by its last month and compared with no other year.

Honours count from their award while they are valid, credit records until they are removed, penalties and accidents for
three years, all as of the period's last day. Missing stays missing: absence is never taken for a figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import div, ratio, share_pct
from jobs.columns.rows import with_part
from jobs.columns.values import no_texts, present
from jobs.profile.steps.growth import notes, rates
from jobs.profile.steps.parts import (
    CASES,
    GRADE_YEARS,
    GRADES,
    HONOURS,
    KEY,
    LEVELS,
    LISTINGS,
    TYPES,
    earlier,
    evaluated,
    happened,
    listed,
    placed,
    reported,
    yearly,
)
from jobs.profile.steps.periods import Period, for_periods, of_period
from schemas.contract import code_list

#: Columns copied from the directory.
DIRECTORY = [
    "uscc", "enterprise_name", "former_name", "district_code", "town_code", "zone_code", "managing_zone_code",
    "industry_code", "industry_division_code", "registered_date", "registration_status_code", "is_above_scale",
    "directory_change_code", "known_at",
]  # fmt: skip
#: Field group → the fields that count for its completeness.
GROUPS: Mapping[str, tuple[str, ...]] = {
    code: tuple(row["fields"].split()) for code, row in code_list("profile_group").items()
}

#: Lower limits of staff (人) and revenue (万元): 统计上大中小微型企业划分办法（2017）, industry.
SIZE_LIMITS = {"large": (1000, 40_000), "medium": (300, 2_000), "small": (20, 300)}

EVIDENCE = {
    "core.enterprise": {"uscc": "uscc", "year": "year"},
    "core.enterprise_year": {"uscc": "uscc", "year": "figures_year"},
    "core.enterprise_month": {"uscc": "uscc", "month": "orders_as_of"},
    "core.enterprise_event": {"uscc": "uscc"},
    "per_mu.enterprise_grade": {"uscc": "uscc", "year": "figures_year"},
    "chain.node_enterprise": {"uscc": "uscc", "year": "figures_year"},
}


def profiles(
    asked: list[Period],
    directory: DataFrame,
    figures: DataFrame,
    population: DataFrame,
    grades: DataFrame,
    indicators: DataFrame,
    city_ranks: DataFrame,
    events: DataFrame,
    months_to_date: DataFrame,
    nodes: DataFrame,
) -> DataFrame:
    """One row per enterprise of the directory and period: the columns of ``TYPES``, and ``period``.

    Args:
        asked: the periods to compute.
        directory: the directories of the periods' years.
        figures: yearly figures up to the periods; the inputs after it reach up to the periods as well.
        months_to_date: months of the periods' years up to the periods.
    """
    if not asked:
        columns = ", ".join(f"{c} {t}" for c, t in {"period": "string", **TYPES}.items())
        return directory.sparkSession.createDataFrame([], columns)
    parts = {
        "yearly": yearly(figures, asked),
        "earlier": earlier(figures, asked),
        "listed": listed(population, asked),
        "evaluated": evaluated(grades, indicators, city_ranks, asked),
        "happened": happened(events, asked),
        "placed": placed(nodes, figures, asked),
        "reported": reported(months_to_date, asked),
    }
    wanted: dict[int, list[str]] = {}
    for period in asked:
        wanted.setdefault(period.year, []).append(period.name)
    rows = for_periods(directory.select(*DIRECTORY, "year"), wanted).withColumns(
        of_period(
            asked,
            year=lambda p: str(p.year),
            figures_year=lambda p: str(p.figures_year),
            figures_as_of=lambda p: p.figures_as_of,
            as_of_date=lambda p: p.last_day,
            is_partial=lambda p: p.is_partial,
        )
    )
    fields = {name: F.col(name) for name in rows.columns}
    for name, part in parts.items():
        held = [c for c in part.columns if c not in KEY]
        # each part has some tens of MB: a hash join need not sort it, nor the directory. As one struct it passes all
        # joins as bytes; single fields would be copied one by one each time.
        packed = part.select(*KEY, F.struct(*held).alias(name)).hint("shuffle_hash")
        rows = with_part(rows, packed, KEY)
        fields |= {c: F.col(f"{name}.{c}") for c in held}
    for described in (firm, quotients, evaluation, incidents, trend, risk, groups):
        fields |= described(fields)
    fields["known_at"] = F.greatest(fields["known_at"], fields["figures_known_at"])
    return rows.select("period", *(fields[c].cast(t).alias(c) for c, t in TYPES.items()))


# --- fields of a row, derived from those before ------------------------------------------------------------

Fields = Mapping[str, Column]


def firm(c: Fields) -> dict[str, Column]:
    """Age and size class."""
    staff = F.coalesce(c["employees_average"], c["insured_count"].cast("decimal(18,2)"))
    revenue = F.coalesce(c["revenue_wan_yuan"], c["declared_revenue_wan_yuan"])
    born, day = c["registered_date"], c["as_of_date"]
    had_birthday = F.month(born) * 100 + F.dayofmonth(born) <= F.month(day) * 100 + F.dayofmonth(day)
    age = F.year(day) - F.year(born) - F.when(had_birthday, 0).otherwise(1)
    return {
        "age_years": F.when(born.isNotNull(), F.greatest(age, F.lit(0))),
        "size_staff_count": staff,
        "size_revenue_wan_yuan": revenue,
        "size_class_code": size_class(staff, revenue),
    }


def size_class(staff: Column, revenue: Column) -> Column:
    """大型、中型和小型企业须同时满足两项指标的下限，否则下划一档；微型企业只须满足一项.

    If one of the two figures is missing, the other one can only show that the firm is micro.
    """
    [small_staff, small_revenue] = SIZE_LIMITS["small"]
    known = staff.isNotNull() & revenue.isNotNull()
    found = F.when((staff < small_staff) | (revenue < small_revenue), "micro")
    for code, (least_staff, least_revenue) in SIZE_LIMITS.items():
        found = found.when(known & (staff >= least_staff) & (revenue >= least_revenue), code)
    return found


def quotients(c: Fields) -> dict[str, Column]:
    """Quotients and growth; each missing where one of its sides is."""
    return {
        **rates(c),
        "growth_notes": present(*notes(c)),
        "energy_intensity": ratio(c["energy_tce"], c["value_added_wan_yuan"]),
        "water_intensity": ratio(c["water_m3"], c["value_added_wan_yuan"]),
        "emission_intensity": ratio(c["emission_t"] * 1000, c["value_added_wan_yuan"]),
        "labour_productivity_wan_yuan": ratio(c["value_added_wan_yuan"], c["employees_average"]),
        "tax_per_person_wan_yuan": ratio(c["tax_total_wan_yuan"], c["insured_count"]),
        "profit_margin_pct": share_pct(c["profit_wan_yuan"], c["revenue_wan_yuan"]),
        "value_added_rate_pct": share_pct(c["value_added_wan_yuan"], c["output_wan_yuan"]),
        "sales_ratio_pct": share_pct(c["sales_output_wan_yuan"], c["output_wan_yuan"]),
        "export_share_pct": share_pct(c["export_value_wan_yuan"], c["sales_output_wan_yuan"]),
        "rd_ratio_pct": share_pct(c["rd_expense_wan_yuan"], c["revenue_wan_yuan"]),
        "new_product_ratio_pct": share_pct(c["new_product_output_wan_yuan"], c["output_wan_yuan"]),
        "node_output_share_pct": share_pct(c["node_output_wan_yuan"], c["of_node"]),
    }  # fmt: skip


def evaluation(c: Fields) -> dict[str, Column]:
    """Grades from their digits, and the percentile in the list."""
    year = c["figures_year"].cast("int")
    digits = [div(c["grade_digits"], 10**n).cast("int") % 10 for n in range(GRADE_YEARS)]
    grades = [F.when(d > 0, F.substring(F.lit(GRADES), d, F.lit(1))) for d in digits]
    told = [F.concat((year - n).cast("string"), F.lit("="), grades[n]) for n in reversed(range(GRADE_YEARS))]
    run = F.when(digits[0] == 0, F.lit(None))
    for n, digit in enumerate(digits):
        run = run.when(digit != len(GRADES), F.lit(n))
    ahead = c["list_size"] - c["rank_in_list"] + 1
    return {
        "final_grade": grades[0],
        "grade_history": F.when(c["grade_digits"].isNull(), no_texts()).otherwise(present(*told)),
        "grade_d_years": run.when(digits[0] > 0, F.lit(GRADE_YEARS)),
        "list_percentile_pct": share_pct(ahead, c["list_size"]),
    }


def incidents(c: Fields) -> dict[str, Column]:
    """Levels of honours by name, cases and listings as lists; zero or empty for a firm without events."""
    names = F.array(*map(F.lit, LEVELS))
    counts = ("honour_count", "penalty_count", "accident_count", "open_listing_count")
    number_of_cases = F.coalesce(c["penalty_count"] + c["accident_count"], F.lit(0))
    return {
        # an honour of unknown level is counted, but has no level
        **{f"{h}_level_code": F.when(c[f"{h}_rank"] > 0, F.get(names, c[f"{h}_rank"] - 1)) for h in HONOURS},
        "is_listed": c["listed_rank"].isNotNull(),
        "smart_factory_rank": F.coalesce(c["smart_factory_rank"], F.lit(0)),
        **{name: F.coalesce(c[name], F.lit(0)) for name in counts},
        "case_codes": _codes({code: c[f"case_{code}"] for code in CASES}, number_of_cases),
        "open_listing_codes": _codes(
            {code: c[f"open_{code}"] for code in LISTINGS}, F.coalesce(c["open_listing_count"], F.lit(0))
        ),
    }


def _codes(flags: Fields, number: Column) -> Column:
    """The codes whose flag is set; evaluated for the few firms that have any."""
    codes = present(*(F.when(flag, F.lit(code)) for code, flag in flags.items()))
    return F.when(number > 0, codes).otherwise(no_texts())


def trend(c: Fields) -> dict[str, Column]:
    rate = F.coalesce(c["output_growth_pct"], c["declared_revenue_growth_pct"])
    found = F.when(rate >= 5, "rising").when(rate <= -5, "falling").when(rate.isNotNull(), "steady")
    return {"trend_code": found}


def risk(c: Fields) -> dict[str, Column]:
    """Risk level and reasons, the severe ones first: one severe reason or three others make a high risk."""
    has = {code: F.coalesce(c[f"case_{code}"], F.lit(False)) for code in CASES}
    listed_as = {code: F.coalesce(c[f"open_{code}"], F.lit(False)) for code in LISTINGS}
    severe = {
        "listed_serious": listed_as["dishonest_debtor"] | listed_as["serious_violation"],
        "fatal_accident": has["safety_fatal"],
        "tax_evasion": has["tax_evasion"],
    }
    losses = (c["profit_wan_yuan"] < 0) & (c["profit_before_wan_yuan"] < 0)
    moderate = {
        "abnormal_operation": listed_as["abnormal_operation"],
        "environment": has["environment_major"] | has["illegal_discharge"] | listed_as["environment_red"],
        "grade_d": F.coalesce(c["final_grade"] == "D", F.lit(False)),
        "loss_two_years": F.coalesce(losses, F.lit(False)),
        "output_fall": F.coalesce(c["output_growth_pct"] <= -20, F.lit(False)),
        "tax_credit_d": listed_as["tax_grade_d"],
    }
    number = reduce(add, (F.when(m, 1).otherwise(0) for m in moderate.values()))
    is_severe = reduce(lambda a, b: a | b, severe.values())
    level = F.when(is_severe | (number >= 3), "high").when(number > 0, "medium").otherwise("low")
    reasons = present(*(F.when(found, F.lit(code)) for code, found in {**severe, **moderate}.items()))
    return {
        "risk_level_code": level,
        "risk_reasons": F.when(is_severe | (number > 0), reasons).otherwise(no_texts()),
    }


def groups(c: Fields) -> dict[str, Column]:
    """The period of each group's figures, and the share of its fields that are known."""
    counted = {g: reduce(add, (c[f].isNotNull().cast("int") for f in fields)) for g, fields in GROUPS.items()}
    month = F.concat(c["year"], F.lit("-"), F.lpad(c["last_number"].cast("string"), 2, "0"))
    times = {"register": c["year"], "orders": month}
    found = {f"{g}_as_of": F.when(counted[g] > 0, times.get(g, c["figures_as_of"])) for g in GROUPS}
    found["register_as_of"] = c["year"]
    found |= {f"{g}_completeness": _share(counted[g], len(fields)) for g, fields in GROUPS.items()}
    every = reduce(add, counted.values())
    return {**found, "profile_completeness": _share(every, sum(map(len, GROUPS.values())))}


def _share(number: Column, of: int) -> Column:
    """``number / of`` with four digits, half up; by look-up, since both are small."""
    step = Decimal("0.0001")
    shares = [(Decimal(n) / of).quantize(step, ROUND_HALF_UP) for n in range(of + 1)]
    return F.get(F.array(*(F.lit(s).cast("decimal(5,4)") for s in shares)), number)
