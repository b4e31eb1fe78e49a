"""Parts of the profile: each input as one row per enterprise and period, to be joined to one row."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.rows import whole
from jobs.core.enterprise_year import TAX_COMPONENTS, paid
from jobs.per_mu.steps.versions import in_force
from jobs.profile.steps.periods import Period, of_figures_year, of_years_back
from schemas.contract import code_list, contract

KEY = ["uscc", "period"]
#: Columns of a profile, with types; those of a month have the same, and the month.
TYPES = {c.name: c.type for c in contract("profile.enterprise_profile").columns if c.name != "row_id"}

#: Yearly figures that are copied unchanged.
FIGURES = [
    "land_area_mu", "land_own_mu", "land_lease_mu", "land_let_mu", "tax_vat_wan_yuan", "tax_income_wan_yuan",
    "declared_revenue_wan_yuan", "energy_tce", "power_kwh", "water_m3", "emission_t", "employees_average",
    "insured_count", "output_wan_yuan", "sales_output_wan_yuan", "value_added_wan_yuan", "revenue_wan_yuan",
    "profit_wan_yuan", "export_value_wan_yuan", "customs_export_wan_yuan", "customs_import_wan_yuan",
    "rd_expense_wan_yuan", "new_product_output_wan_yuan", "patents_applied_count", "patents_granted_count",
    "inventions_valid_count", "patents_valid_count",
]  # fmt: skip
#: Figure compared with the year before → its growth column.
GROWTH = {
    "tax_total_wan_yuan": "tax_growth_pct",
    "declared_revenue_wan_yuan": "declared_revenue_growth_pct",
    "energy_tce": "energy_growth_pct",
    "power_kwh": "power_growth_pct",
    "water_m3": "water_growth_pct",
    "insured_count": "insured_growth_pct",
    "output_wan_yuan": "output_growth_pct",
    "value_added_wan_yuan": "value_added_growth_pct",
    "revenue_wan_yuan": "revenue_growth_pct",
}
#: The same, compared with three years before.
COMPOUND = {"tax_total_wan_yuan": "tax_cagr_pct", "output_wan_yuan": "output_cagr_pct"}
GRADES = "ABCD"
GRADE_YEARS = 5

LEVELS = ("district", "municipal", "provincial", "national")
#: Name in the columns of the highest valid level → honours that count for it.
HONOURS = {
    "hightech": ("hightech_enterprise",),
    "little_giant": ("little_giant",),
    "single_champion": ("single_champion",),
    "green_factory": ("green_factory",),
    "smart_factory": ("smart_factory",),
    "rd_body": ("rd_body", "academician_station"),
    "brand": ("brand", "quality_award"),
}
CASES = list(code_list("penalty"))
LISTINGS = list(code_list("credit"))
#: Months for which penalties and accidents count.
RECENT_MONTHS = 36


def with_taxes(figures: DataFrame) -> DataFrame:
    """Figures with the total of taxes paid; missing where no component is on record."""
    total = F.when(F.coalesce(*TAX_COMPONENTS).isNotNull(), paid()).cast(TYPES["tax_total_wan_yuan"])
    return figures.withColumn("tax_total_wan_yuan", total)


def yearly(figures: DataFrame, asked: list[Period]) -> DataFrame:
    """Yearly figures of each period's ``figures_year``."""
    return of_figures_year(
        figures.transform(with_taxes).select(
            "uscc", "year", *FIGURES, "tax_total_wan_yuan", F.col("known_at").alias("figures_known_at")
        ),
        asked,
    )


def earlier(figures: DataFrame, asked: list[Period]) -> DataFrame:
    """Figures of the year before, and of three years before for compound growth."""
    narrow = figures.transform(with_taxes).select("uscc", "year", *GROWTH, "profit_wan_yuan")
    complete = [p for p in asked if not p.is_partial]
    if not complete:
        complete, narrow = asked, narrow.where("false")
    # numbers only: for the maximum of a text Spark would sort the firms
    return (
        of_years_back(narrow, complete, 1, 3)
        .groupBy(*KEY)
        .agg(
            *(F.max(F.when(F.col("back") == 1, F.col(c))).alias(f"before_{c}") for c in GROWTH),
            *(F.max(F.when(F.col("back") == 3, F.col(c))).alias(f"third_{c}") for c in COMPOUND),
            F.max(F.when(F.col("back") == 1, F.col("profit_wan_yuan"))).alias("profit_before_wan_yuan"),
        )
    )


def listed(population: DataFrame, asked: list[Period]) -> DataFrame:
    """List and status in the evaluation of each period's ``figures_year``."""
    return of_figures_year(population.select("uscc", "year", "list_code", "eval_status_code"), asked)


def evaluated(
    grades: DataFrame, indicators: DataFrame, city_ranks: DataFrame, asked: list[Period]
) -> DataFrame:
    """Score, ranks and values of the evaluation; the grades of five years are the digits of ``grade_digits``."""
    results = in_force(grades).select(
        "uscc", "year", "final_grade", "total_score", "rank_in_list", "list_size"
    )
    graded = of_years_back(results, asked, *range(GRADE_YEARS))
    now = F.col("back") == 0
    place = F.position(F.col("final_grade"), F.lit(GRADES)).cast("bigint")
    powers = F.array(*(F.lit(10**n).cast("bigint") for n in range(GRADE_YEARS)))
    values = of_figures_year(
        indicators.where("indicator_code in ('I1', 'I2')").select("uscc", "year", "indicator_code", "value"),
        asked,
    )
    of = {code: F.when(F.col("indicator_code") == code, F.col("value")) for code in ("I1", "I2")}
    ranked = of_figures_year(city_ranks.select("uscc", "year", "percentile_pct"), asked)
    together = (
        graded.select(
            *KEY, (place * F.get(powers, F.col("back"))).alias("grade_digits"),
            *(F.when(now, F.col(c)).alias(c) for c in ("total_score", "rank_in_list", "list_size")),
        )
        .unionByName(
            values.select(*KEY, of["I1"].alias("tax_per_mu_wan_yuan"), of["I2"].alias("value_added_per_mu_wan_yuan")),
            allowMissingColumns=True,
        )
        .unionByName(
            ranked.select(*KEY, F.col("percentile_pct").alias("city_percentile_pct")), allowMissingColumns=True
        )
    )  # fmt: skip
    kept = [c for c in together.columns if c not in (*KEY, "grade_digits")]
    return together.groupBy(*KEY).agg(
        F.sum("grade_digits").alias("grade_digits"), *(F.max(c).alias(c) for c in kept)
    )


def happened(events: DataFrame, asked: list[Period]) -> DataFrame:
    """Honours by level, cases and listings as of the period's last day."""
    kind, code = F.col("event_kind_code"), F.col("event_code")
    until, day = F.col("valid_until_date"), F.col("day")
    is_honour = (kind == "honour") & F.coalesce(until >= day, F.lit(True))
    is_open = (kind == "credit") & F.coalesce(until > day, F.lit(True))
    is_recent = F.col("event_date") > F.add_months(day, -RECENT_MONTHS)
    is_case = kind.isin("penalty", "accident") & is_recent
    level = F.coalesce(F.array_position(F.array(*map(F.lit, LEVELS)), F.col("level_code")), F.lit(0))
    return (
        as_known(events, asked)
        .groupBy(*KEY)
        .agg(
            *(F.max(F.when(is_honour & code.isin(*codes), level)).cast("int").alias(f"{name}_rank")
              for name, codes in HONOURS.items()),
            F.max(F.when(is_honour & (code == "listed"), F.lit(1))).alias("listed_rank"),
            F.count(F.when(is_honour, 1)).cast("int").alias("honour_count"),
            F.count(F.when((kind == "penalty") & is_recent, 1)).cast("int").alias("penalty_count"),
            F.count(F.when((kind == "accident") & is_recent, 1)).cast("int").alias("accident_count"),
            F.count(F.when(is_open, 1)).cast("int").alias("open_listing_count"),
            *(F.max(is_case & (code == c)).alias(f"case_{c}") for c in CASES),
            *(F.max(is_open & (code == c)).alias(f"open_{c}") for c in LISTINGS),
        )
    )  # fmt: skip


def as_known(events: DataFrame, asked: list[Period]) -> DataFrame:
    """Events up to each period's last day; a repeated event counts as last reported by the period's year."""
    again = Window.partitionBy("event_id").orderBy("told")
    told = events.withColumnRenamed("year", "told").withColumn("told_again", F.lead("told").over(again))
    each = F.array(
        *(
            F.struct(
                F.lit(p.name).alias("period"),
                F.lit(str(p.year)).alias("of_year"),
                F.lit(p.last_day).alias("day"),
            )
            for p in asked
        )
    )
    is_last = F.coalesce(F.col("told_again") > F.col("of_year"), F.lit(True))
    return told.select("*", F.inline(each)).where(
        (F.col("told") <= F.col("of_year")) & is_last & (F.col("event_date") <= F.col("day"))
    )


def placed(nodes: DataFrame, figures: DataFrame, asked: list[Period]) -> DataFrame:
    """The firm's main node, and the output of the firms in that node, as chain.node_metrics counts it."""
    output = figures.where("output_wan_yuan is not null").select("uscc", "year", "output_wan_yuan")
    produced = (F.col("position_share") * F.col("output_wan_yuan")).cast(TYPES["node_output_wan_yuan"])
    certain = F.when(F.col("is_confirmed"), F.col("node_output_wan_yuan"))
    order = Window.partitionBy("uscc", "year").orderBy(
        F.col("position_share").desc(), F.col("confidence").desc_nulls_last(), "node_code"
    )
    main = (
        nodes.where("chain_code <> 'OUT' and position_share > 0")
        .select("uscc", "year", "chain_code", "node_code", "position_share", "confidence", "is_confirmed")
        .join(output.hint("shuffle_hash"), ["uscc", "year"], "left")
        .withColumn("node_output_wan_yuan", produced)
        .withColumn("place", F.row_number().over(order))
        .withColumn("placed_node_count", F.count("*").over(whole("uscc", "year")).cast("int"))
        # a firm whose position is not confirmed is no part of the node
        .withColumn("of_node", F.when(F.col("is_confirmed"), F.sum(certain).over(whole("node_code", "year"))))
        .where("place = 1")
    )
    return of_figures_year(
        main.select(
            "uscc", "year", F.col("chain_code").alias("main_chain_code"), F.col("node_code").alias("main_node_code"),
            F.col("position_share").alias("main_node_share"), F.col("confidence").alias("main_node_confidence"),
            "placed_node_count", "node_output_wan_yuan", "of_node",
        ),
        asked,
    )  # fmt: skip


def reported(months_to_date: DataFrame, asked: list[Period]) -> DataFrame:
    """Figures of the firm's latest month, and its orders of the last three months and of the three before."""
    latest = ["output_ytd_wan_yuan", "output_last_year_wan_yuan", "new_orders_wan_yuan", "orders_in_hand_wan_yuan",
              "capacity_utilisation_pct"]  # fmt: skip
    each = F.array(
        *(F.struct(F.lit(p.name).alias("period"), F.lit(p.last_month).alias("last")) for p in asked)
    )
    rows = (
        months_to_date.select("uscc", "month", *latest, F.inline(each))
        .where("left(month, 4) = left(last, 4) and month <= last")
        .withColumn("number", F.right("month", F.lit(2)).cast("int"))
        .withColumn("last_number", F.max("number").over(whole(*KEY)))
    )
    back, orders = F.col("last_number") - F.col("number"), F.col("new_orders_wan_yuan")
    three, before = back < 3, back.between(3, 5)
    is_last = back == 0
    return rows.groupBy(*KEY).agg(
        F.max("last_number").alias("last_number"),
        *(F.max(F.when(is_last, F.col(c))).alias(c) for c in latest),
        F.count("new_orders_wan_yuan").cast("int").alias("report_month_count"),
        F.count(F.when(back < 6, orders)).alias("ordered_months"),
        F.sum(F.when(three, orders)).cast("decimal(18,6)").alias("orders_now"),
        F.sum(F.when(before, orders)).cast("decimal(18,6)").alias("orders_before"),
    )
