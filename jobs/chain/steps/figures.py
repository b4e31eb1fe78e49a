"""Figures of firms in their nodes, for years and months alike, and the aggregates that nodes and chains share."""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.arithmetic import divide, growth_note, is_comparable
from jobs.columns.rows import whole
from jobs.columns.values import present
from jobs.per_mu.steps.versions import in_force

MONEY = "decimal(18,6)"
#: Figures of a firm that a node gets in proportion to the firm's share there.
AMOUNTS = {
    "output_wan_yuan": MONEY,
    "value_added_wan_yuan": MONEY,
    "revenue_wan_yuan": MONEY,
    "profit_wan_yuan": MONEY,
    "rd_expense_wan_yuan": MONEY,
    "export_value_wan_yuan": MONEY,
    "energy_tce": "decimal(18,4)",
}
BEFORE = ("output_before", "value_added_before")
COMPARABLE = (
    "comparable_output_wan_yuan", "comparable_output_before_wan_yuan", "comparable_value_added_wan_yuan",
    "comparable_value_added_before_wan_yuan",
)  # fmt: skip
GRADES = "ABCD"
#: Flows of a node or chain: purchases of its products (demand), and purchases by its firms.
FLOWS = (
    "demand_wan_yuan", "demand_local_wan_yuan", "demand_outside_wan_yuan", "purchases_wan_yuan",
    "purchases_outside_wan_yuan", "estimated_purchases_wan_yuan", "covered_purchases_wan_yuan",
    "excess_purchases_wan_yuan",
)  # fmt: skip
COUNTS = ("firm_count", "proven_count", "above_scale_count", "champion_count", "little_giant_count")


def figures_of_firms(
    years: DataFrame, months: DataFrame, history: DataFrame, months_of_years: DataFrame
) -> DataFrame:
    """One row per firm and period with statistics: its figures, and output and value added a year before.

    A month's figures are cumulative from January. ``months_of_years`` are the months of the years in ``years``.
    """
    has_any = "coalesce(output_wan_yuan, value_added_wan_yuan, revenue_wan_yuan, profit_wan_yuan) is not null"
    stated = months_of_years.where("month = concat(year, '-12')").select(
        "uscc", "year",
        F.col("output_last_year_wan_yuan").alias("output_stated"),
        F.col("value_added_last_year_wan_yuan").alias("value_added_stated"),
    )  # fmt: skip
    annual = (
        years.where(has_any)
        .select("uscc", "year", F.col("year").alias("period"), "district_code", *AMOUNTS)
        .join(stated.hint("shuffle_hash"), ["uscc", "year"], "left")
    )
    cumulative = months.select(
        "uscc", "year", F.col("month").alias("period"), "district_code",
        F.col("output_ytd_wan_yuan").alias("output_wan_yuan"),
        F.col("value_added_ytd_wan_yuan").alias("value_added_wan_yuan"),
        F.col("revenue_ytd_wan_yuan").alias("revenue_wan_yuan"),
        F.col("profit_ytd_wan_yuan").alias("profit_wan_yuan"),
        F.col("rd_ytd_wan_yuan").alias("rd_expense_wan_yuan"),
        F.col("export_ytd_wan_yuan").alias("export_value_wan_yuan"),
        F.lit(None).cast(AMOUNTS["energy_tce"]).alias("energy_tce"),
        F.col("output_last_year_wan_yuan").alias("output_stated"),
        F.col("value_added_last_year_wan_yuan").alias("value_added_stated"),
    )  # fmt: skip
    return annual.unionByName(cumulative).transform(_with_year_before, history)


def _with_year_before(figures: DataFrame, history: DataFrame) -> DataFrame:
    """Output and value added a year before: the only definition, for years and months alike.

    The firm's own statement for the same months of last year, from its report of the period's last month. A firm that
    came above scale states it too, and a firm that merged states it for its present extent. Without a statement, a
    period of twelve months uses the firm's annual figures of the year before.
    """
    own = history.select(
        "uscc",
        (F.col("year").cast("int") + 1).cast("string").alias("year"),
        F.col("output_wan_yuan").alias("output_own"),
        F.col("value_added_wan_yuan").alias("value_added_own"),
    ).where("output_own is not null or value_added_own is not null")
    whole_year = months_of_period() == 12
    return (
        figures.join(own.hint("shuffle_hash"), ["uscc", "year"], "left")
        .withColumns(
            {
                f"{name}_before": F.coalesce(f"{name}_stated", F.when(whole_year, F.col(f"{name}_own")))
                for name in ("output", "value_added")
            }
        )
        .drop("output_stated", "output_own", "value_added_stated", "value_added_own")
    )


def confirmed(positions: DataFrame) -> DataFrame:
    """Confirmed positions: only these count."""
    return positions.where("is_confirmed").select(
        "uscc", "year", "chain_code", "node_code", "position_share", "district_code", "is_above_scale",
        "is_champion", "is_little_giant",
        (~F.array_contains("position_reasons", "class_and_purchases")).alias("is_proven"),
    )  # fmt: skip


def allocated(positions: DataFrame, figures: DataFrame, lead_output_wan_yuan: Decimal) -> DataFrame:
    """One row per firm, node and period: the node's part of the firm's figures, rounded once to their digits."""
    share = F.col("position_share")
    parts = {name: F.round(F.col(name) * share, int(kind[-2])).cast(kind) for name, kind in AMOUNTS.items()}
    parts |= {name: F.round(F.col(name) * share, 6).cast(MONEY) for name in BEFORE}
    both = F.col("output_wan_yuan").isNotNull() & F.col("output_before").isNotNull()
    both_added = F.col("value_added_wan_yuan").isNotNull() & F.col("value_added_before").isNotNull()
    return (
        confirmed(positions)
        .drop("district_code")
        .join(figures.hint("shuffle_hash"), ["uscc", "year"], "inner")
        .withColumns(parts)
        .withColumns(
            {
                "is_compared": both,
                "comparable_output_wan_yuan": F.when(both, F.col("output_wan_yuan")),
                "comparable_output_before_wan_yuan": F.when(both, F.col("output_before")),
                "comparable_value_added_wan_yuan": F.when(both_added, F.col("value_added_wan_yuan")),
                "comparable_value_added_before_wan_yuan": F.when(both_added, F.col("value_added_before")),
                "is_lead": is_lead(lead_output_wan_yuan),
            }
        )
    )


def months_of_period() -> Column:
    """Number of months that the period's figures cover: twelve, or those from January on."""
    return F.when(F.length("period") == 4, F.lit(12)).otherwise(F.substring("period", 6, 2).cast("int"))


def is_lead(lead_output_wan_yuan: Decimal) -> Column:
    """The output is that of a lead firm; the yearly limit is scaled to the months covered."""
    of_year = F.col("output_wan_yuan") * 12 >= F.lit(lead_output_wan_yuan) * months_of_period()
    return F.coalesce(of_year, F.lit(False))


def with_concentration(rows: DataFrame, *group: str) -> DataFrame:
    """Rows of firms with each one's part of the group's output in percent, and its rank by output."""
    order = Window.partitionBy(*group).orderBy(F.col("output_wan_yuan").desc_nulls_last(), "uscc")
    return rows.withColumns(
        {
            "output_all": F.sum("output_wan_yuan").over(whole(*group)).cast(MONEY),
            "place": F.row_number().over(order),
        }
    ).withColumn("output_pct", divide(F.col("output_wan_yuan"), F.col("output_all")) * F.lit(100))


def concentration() -> list[Column]:
    """CR1, CR5, HHI and the largest firm, over rows of ``with_concentration``.

    Each firm's part is rounded once, to six digits of the fraction; a negative output counts as zero. Five rounded
    parts may sum to slightly more than 100 %: CR5 is capped at 100.
    """
    part = F.greatest(F.col("output_pct"), F.lit(0)).cast("decimal(12,4)")
    has_parts = F.col("output_pct").isNotNull()
    five = F.sum(F.when((F.col("place") <= 5) & has_parts, part))
    return [
        F.sum(F.when((F.col("place") == 1) & has_parts, part)).cast("decimal(24,6)").alias("cr1_pct"),
        # least() would skip a missing sum
        F.when(F.count(F.when(has_parts, 1)) > 0, F.least(five, F.lit(100)))
        .cast("decimal(24,6)")
        .alias("cr5_pct"),
        F.round(F.sum(F.when(has_parts, part * part)), 6).cast("decimal(24,6)").alias("hhi"),
        F.max(F.when((F.col("place") == 1) & has_parts, F.col("uscc"))).alias("lead_uscc"),
    ]


def growth(name: str) -> Column:
    """Growth of a comparable sum over that of the year before, in percent; missing unless they are comparable."""
    now, before = _compared(name)
    rate = (divide((now - before).cast(MONEY), before) * F.lit(100)).cast("decimal(24,6)")
    return F.when(is_comparable(now, before), rate)


def _note(name: str) -> Column:
    """Why a growth is missing; without a firm that has both figures nothing can be compared."""
    column, has_any = f"{name}_growth_pct", F.col(f"{name}_wan_yuan").isNotNull()
    now, before = _compared(name)
    return F.when(has_any & now.isNull(), F.lit(f"not_comparable:{column}")).otherwise(
        growth_note(column, now, before)
    )


def _compared(name: str) -> tuple[Column, Column]:
    return F.col(f"comparable_{name}_wan_yuan"), F.col(f"comparable_{name}_before_wan_yuan")


def ratios(rows: DataFrame) -> DataFrame:
    """Quotients of the sums, in percent."""

    def percent(part: str, total: str) -> Column:
        return (divide(F.col(part), F.col(total)) * F.lit(100)).cast("decimal(24,6)")

    return rows.withColumns(
        {
            "output_growth_pct": growth("output"),
            "value_added_growth_pct": growth("value_added"),
            "growth_notes": present(_note("output"), _note("value_added")),
            "local_supply_pct": percent("demand_local_wan_yuan", "demand_wan_yuan"),
            "outside_dependence_pct": percent("purchases_outside_wan_yuan", "purchases_wan_yuan"),
            "purchase_coverage_pct": percent("covered_purchases_wan_yuan", "estimated_purchases_wan_yuan"),
        }
    )


def with_grades(positions: DataFrame, grades: DataFrame) -> DataFrame:
    """Confirmed positions with the firm's grade in force for the year; missing where it has none."""
    latest = in_force(grades).select("uscc", "year", F.col("final_grade").alias("grade"))
    return confirmed(positions).join(latest.hint("shuffle_hash"), ["uscc", "year"], "left")


def counts() -> list[Column]:
    """Counts of firms, over rows with one firm each."""
    return [
        F.count("*").alias("firm_count"),
        F.count(F.when(F.col("is_proven"), 1)).alias("proven_count"),
        F.count(F.when(F.col("is_above_scale"), 1)).alias("above_scale_count"),
        F.count(F.when(F.col("is_champion"), 1)).alias("champion_count"),
        F.count(F.when(F.col("is_little_giant"), 1)).alias("little_giant_count"),
        *(F.count(F.when(F.col("grade") == g, 1)).alias(f"grade_{g.lower()}_count") for g in GRADES),
    ]
