"""企业画像 Profile of an enterprise: all that the platform knows of it in a period, side by side.

A period is a year of the directory, or the latest month. Yearly figures of a year are those of the year; those of a
month before December are the year before's, the last complete one. A year whose months have not all come is not
complete: its figures carry the last month as their time and are held against no other year.

Honours count from their award while they are valid, credit listings until they are removed, penalties and accidents
for three years, all as of the period's last day. Missing stays missing: no figure is made of its absence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns import no_texts, present
from jobs.core.identity import row_id
from jobs.job import Input, Job
from jobs.profile.arithmetic import cagr_pct, growth_pct, ratio, share_pct
from jobs.profile.parts import (
    CASES,
    COMPOUND,
    GRADE_YEARS,
    GRADES,
    GROWTH,
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
from jobs.profile.periods import for_periods, of_period, periods_asked

TABLE = "profile.enterprise_profile"
#: What is taken over from the directory.
DIRECTORY = [
    "uscc", "enterprise_name", "former_name", "district_code", "zone_code", "managing_zone_code", "industry_code",
    "industry_division_code", "registered_date", "registration_status_code", "is_above_scale",
    "directory_change_code", "known_at",
]  # fmt: skip
#: Field groups: the fields that count for completeness.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "register": ("district_code", "industry_code", "registered_date", "registration_status_code"),
    "land": ("land_area_mu",),
    "per_mu": ("final_grade", "total_score", "tax_per_mu_wan_yuan"),
    "tax": ("tax_total_wan_yuan", "declared_revenue_wan_yuan"),
    "energy": ("energy_tce", "power_kwh"),
    "water": ("water_m3",),
    "emission": ("emission_t",),
    "people": ("employees_average", "insured_count"),
    "output": (
        "output_wan_yuan", "sales_output_wan_yuan", "value_added_wan_yuan", "revenue_wan_yuan", "profit_wan_yuan",
    ),
    "market": ("export_value_wan_yuan", "customs_export_wan_yuan", "customs_import_wan_yuan"),
    "innovation": (
        "rd_expense_wan_yuan", "new_product_output_wan_yuan", "patents_applied_count", "patents_granted_count",
        "inventions_valid_count", "patents_valid_count",
    ),
    "chain": ("main_chain_code", "main_node_code"),
    "orders": (
        "output_ytd_wan_yuan", "new_orders_wan_yuan", "orders_in_hand_wan_yuan", "capacity_utilisation_pct",
    ),
}  # fmt: skip

#: Lower limits of staff (人) and revenue (万元): 统计上大中小微型企业划分办法（2017）, industry.
SIZE_LIMITS = {"large": (1000, 40_000), "medium": (300, 2_000), "small": (20, 300)}


def enterprise_profile(
    enterprises: DataFrame,
    months: DataFrame,
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
    """One row per enterprise of the directory and period.

    Args:
        enterprises: the directories of the years that are asked for; they only say which years these are.
        months: the months that are asked for; they only say which ones these are.
        directory: the directories of the years in which the periods lie.
        figures: yearly figures up to the periods, as is all that follows.
        months_to_date: months of the periods' years up to the periods.
    """
    asked = periods_asked(enterprises, months, months_to_date)
    if not asked:
        return directory.sparkSession.createDataFrame([], ", ".join(f"{c} {t}" for c, t in TYPES.items()))
    parts = (
        yearly(figures, asked),
        earlier(figures, asked),
        listed(population, asked),
        evaluated(grades, indicators, city_ranks, asked),
        happened(events, asked),
        placed(nodes, figures, asked),
        reported(months_to_date, asked),
    )
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
        )
    )
    for part in parts:
        # each part has some tens of MB: hashed it need not be sorted, nor the directory with it
        rows = rows.join(part.hint("shuffle_hash"), KEY, "left")
    return (
        rows.transform(describe_firm)
        .transform(describe_figures)
        .transform(describe_evaluation)
        .transform(describe_events)
        .transform(describe_trend)
        .transform(describe_risk)
        .transform(describe_groups)
        .withColumn("known_at", F.greatest("known_at", "figures_known_at"))
        .withColumn("row_id", row_id("uscc", "period"))
        .select(*(F.col(c).cast(t).alias(c) for c, t in TYPES.items()))
    )


# --- columns -----------------------------------------------------------------------------------------------


def describe_firm(rows: DataFrame) -> DataFrame:
    """Age and size class."""
    staff = F.coalesce("employees_average", F.col("insured_count").cast("decimal(18,2)"))
    born, day = F.col("registered_date"), F.col("as_of_date")
    had_birthday = F.month(born) * 100 + F.dayofmonth(born) <= F.month(day) * 100 + F.dayofmonth(day)
    age = F.year(day) - F.year(born) - F.when(had_birthday, 0).otherwise(1)
    return (
        rows.withColumn("age_years", F.when(born.isNotNull(), F.greatest(age, F.lit(0))))
        .withColumn("size_staff_count", staff)
        .withColumn("size_revenue_wan_yuan", F.coalesce("revenue_wan_yuan", "declared_revenue_wan_yuan"))
        .withColumn("size_class_code", size_class(F.col("size_staff_count"), F.col("size_revenue_wan_yuan")))
    )


def size_class(staff: Column, revenue: Column) -> Column:
    """大型、中型和小型企业须同时满足两项指标的下限，否则下划一档；微型企业只须满足一项.

    A firm with one of the two figures missing is only known to be micro, by the other one.
    """
    [small_staff, small_revenue] = SIZE_LIMITS["small"]
    known = staff.isNotNull() & revenue.isNotNull()
    found = F.when((staff < small_staff) | (revenue < small_revenue), "micro")
    for code, (least_staff, least_revenue) in SIZE_LIMITS.items():
        found = found.when(known & (staff >= least_staff) & (revenue >= least_revenue), code)
    return found


def describe_figures(rows: DataFrame) -> DataFrame:
    """Quotients and growth; each missing where a side is."""
    c = F.col
    return rows.withColumns(
        {
            **{name: growth_pct(c(figure), c(f"before_{figure}")) for figure, name in GROWTH.items()},
            **{name: cagr_pct(c(figure), c(f"third_{figure}")) for figure, name in COMPOUND.items()},
            "energy_intensity": ratio(c("energy_tce"), c("value_added_wan_yuan")),
            "water_intensity": ratio(c("water_m3"), c("value_added_wan_yuan")),
            "emission_intensity": ratio(c("emission_t") * 1000, c("value_added_wan_yuan")),
            "labour_productivity_wan_yuan": ratio(c("value_added_wan_yuan"), c("employees_average")),
            "tax_per_person_wan_yuan": ratio(c("tax_total_wan_yuan"), c("insured_count")),
            "profit_margin_pct": share_pct(c("profit_wan_yuan"), c("revenue_wan_yuan")),
            "value_added_rate_pct": share_pct(c("value_added_wan_yuan"), c("output_wan_yuan")),
            "sales_ratio_pct": share_pct(c("sales_output_wan_yuan"), c("output_wan_yuan")),
            "export_share_pct": share_pct(c("export_value_wan_yuan"), c("sales_output_wan_yuan")),
            "rd_ratio_pct": share_pct(c("rd_expense_wan_yuan"), c("revenue_wan_yuan")),
            "new_product_ratio_pct": share_pct(c("new_product_output_wan_yuan"), c("output_wan_yuan")),
            "node_output_share_pct": share_pct(c("node_output_wan_yuan"), c("of_node")),
            "output_ytd_growth_pct": growth_pct(c("output_ytd_wan_yuan"), c("output_last_year_wan_yuan")),
            "orders_change_pct": F.when(
                c("ordered_months") == 6, growth_pct(c("orders_now"), c("orders_before"))
            ),
        }
    )  # fmt: skip


def describe_evaluation(rows: DataFrame) -> DataFrame:
    """Grades out of their digits, and the percentile in the list."""
    year = F.col("figures_year").cast("int")
    digits = [F.floor(F.col("grade_digits") / 10**n).cast("int") % 10 for n in range(GRADE_YEARS)]
    grades = [F.when(d > 0, F.substring(F.lit(GRADES), d, F.lit(1))) for d in digits]
    told = [F.concat((year - n).cast("string"), F.lit("="), grades[n]) for n in reversed(range(GRADE_YEARS))]
    run = F.when(digits[0] == 0, F.lit(None))
    for n, digit in enumerate(digits):
        run = run.when(digit != len(GRADES), F.lit(n))
    ahead = F.col("list_size") - F.col("rank_in_list") + 1
    return rows.withColumns(
        {
            "final_grade": grades[0],
            "grade_history": F.when(F.col("grade_digits").isNull(), no_texts()).otherwise(present(*told)),
            "grade_d_years": run.when(digits[0] > 0, F.lit(GRADE_YEARS)),
            "list_percentile_pct": share_pct(ahead, F.col("list_size")),
        }
    )


def describe_events(rows: DataFrame) -> DataFrame:
    """Honours' levels by name, cases and listings as lists; a firm without any event has none of each."""
    names = F.array(*map(F.lit, LEVELS))
    counts = ("honour_count", "penalty_count", "accident_count", "open_listing_count")
    return rows.withColumns(
        {
            # an honour whose level is not known is counted, but has no level
            **{
                f"{h}_level_code": F.when(F.col(f"{h}_rank") > 0, F.get(names, F.col(f"{h}_rank") - 1))
                for h in HONOURS
            },
            "is_listed": F.col("listed_rank").isNotNull(),
            "smart_factory_rank": F.coalesce("smart_factory_rank", F.lit(0)),
            **{name: F.coalesce(name, F.lit(0)) for name in counts},
            "case_codes": _codes("case", CASES, F.coalesce(F.col("penalty_count") + F.col("accident_count"), F.lit(0))),
            "open_listing_codes": _codes("open", LISTINGS, F.coalesce("open_listing_count", F.lit(0))),
        }
    )  # fmt: skip


def _codes(prefix: str, codes: Iterable[str], number: Column) -> Column:
    """Those of the codes whose flag is set; few firms have any."""
    return F.when(number > 0, present(*(F.when(F.col(f"{prefix}_{c}"), F.lit(c)) for c in codes))).otherwise(
        no_texts()
    )


def describe_trend(rows: DataFrame) -> DataFrame:
    growth = F.coalesce("output_growth_pct", "declared_revenue_growth_pct")
    found = F.when(growth >= 5, "rising").when(growth <= -5, "falling").when(growth.isNotNull(), "steady")
    return rows.withColumn("trend_code", found)


def describe_risk(rows: DataFrame) -> DataFrame:
    """Reasons, the severe ones first: one of these, or three of the others, make a high risk."""
    has = {code: F.coalesce(F.col(f"case_{code}"), F.lit(False)) for code in CASES}
    listed_as = {code: F.coalesce(F.col(f"open_{code}"), F.lit(False)) for code in LISTINGS}
    severe = {
        "listed_serious": listed_as["dishonest_debtor"] | listed_as["serious_violation"],
        "fatal_accident": has["safety_fatal"],
        "tax_evasion": has["tax_evasion"],
    }
    losses = (F.col("profit_wan_yuan") < 0) & (F.col("profit_before_wan_yuan") < 0)
    moderate = {
        "abnormal_operation": listed_as["abnormal_operation"],
        "environment": has["environment_major"] | has["illegal_discharge"] | listed_as["environment_red"],
        "grade_d": F.coalesce(F.col("final_grade") == "D", F.lit(False)),
        "loss_two_years": F.coalesce(losses, F.lit(False)),
        "output_fall": F.coalesce(F.col("output_growth_pct") <= -20, F.lit(False)),
        "tax_credit_d": listed_as["tax_grade_d"],
    }
    number = reduce(add, (F.when(m, 1).otherwise(0) for m in moderate.values()))
    is_severe = reduce(lambda a, b: a | b, severe.values())
    level = F.when(is_severe | (F.col("_moderate") >= 3), "high").when(F.col("_moderate") > 0, "medium")
    reasons = present(*(F.when(found, F.lit(code)) for code, found in {**severe, **moderate}.items()))
    return (
        rows.withColumn("_moderate", number)
        .withColumn("risk_level_code", level.otherwise("low"))
        .withColumn("risk_reasons", F.when(F.col("risk_level_code") == "low", no_texts()).otherwise(reasons))
    )


def describe_groups(rows: DataFrame) -> DataFrame:
    """Of what time each group's figures are, and the share of its fields that is there."""
    counted = {g: reduce(add, (F.col(c).isNotNull().cast("int") for c in GROUPS[g])) for g in GROUPS}
    month = F.concat("year", F.lit("-"), F.lpad(F.col("last_number").cast("string"), 2, "0"))
    times = {"register": F.col("year"), "orders": month}
    rows = rows.withColumns({f"_{g}": number for g, number in counted.items()})
    every = reduce(add, (F.col(f"_{g}") for g in GROUPS))
    return rows.withColumns(
        {
            **{
                f"{g}_as_of": F.when(F.col(f"_{g}") > 0, times.get(g, F.col("figures_as_of"))) for g in GROUPS
            },
            "register_as_of": F.col("year"),
            **{f"{g}_completeness": _share(F.col(f"_{g}"), len(fields)) for g, fields in GROUPS.items()},
            "profile_completeness": _share(every, sum(map(len, GROUPS.values()))),
        }
    )


def _share(number: Column, of: int) -> Column:
    """``number / of`` with four digits, half up; by look-up, since both are small."""
    step = Decimal("0.0001")
    shares = [(Decimal(n) / of).quantize(step, ROUND_HALF_UP) for n in range(of + 1)]
    return F.get(F.array(*(F.lit(s).cast("decimal(5,4)") for s in shares)), number)


JOB = Job(
    table=TABLE,
    transform=enterprise_profile,
    inputs={
        "enterprises": Input("core.enterprise"),
        "months": Input("core.enterprise_month"),
        "directory": Input("core.enterprise", "year_of"),
        "figures": Input("core.enterprise_year", "upto"),
        "population": Input("per_mu.population", "upto"),
        "grades": Input("per_mu.enterprise_grade", "upto"),
        "indicators": Input("per_mu.indicator_value", "upto"),
        "city_ranks": Input("per_mu.city_rank", "upto"),
        "events": Input("core.enterprise_event", "upto"),
        "months_to_date": Input("core.enterprise_month", "to_date"),
        "nodes": Input("chain.node_enterprise", "upto"),
    },
    periods={"enterprises": "each", "months": "last"},
    evidence={
        "core.enterprise": {"uscc": "uscc", "year": "year"},
        "core.enterprise_year": {"uscc": "uscc", "year": "figures_year"},
        "core.enterprise_month": {"uscc": "uscc", "month": "orders_as_of"},
        "core.enterprise_event": {"uscc": "uscc"},
        "per_mu.enterprise_grade": {"uscc": "uscc", "year": "figures_year"},
        "chain.node_enterprise": {"uscc": "uscc", "year": "figures_year"},
    },
)
