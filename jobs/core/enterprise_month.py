"""企业月度数据 Enterprise figures by month: single months from cumulative statistics, and figures of other feeds.

Statistics are cumulative from January. A single month is the difference from the month reported before it in the same
year. The first reported month counts from January, so February may cover two months, and a month after a gap covers
the gap as well: ``months_covered`` is their number. A falling cumulative figure is kept as sent and flagged; its single
month is below zero. A single month is missing where either figure is missing.

The firms are those that report monthly statistics, which only firms above scale do. Their district is that of the
latest directory up to the year, since a year's directory arrives after its months.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.rows import at_most, row_id
from jobs.core.enterprise_year import DIRECTIONS, by_direction, paid
from jobs.core.steps.identity import UNDIVIDED, behind, present_district, successors
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.enterprise_month"
TYPES = {c.name: c.type for c in contract(TABLE).columns}
#: Cumulative column → the feed's column.
CUMULATIVE = {
    "output_ytd_wan_yuan": "output_wan_yuan",
    "value_added_ytd_wan_yuan": "value_added_wan_yuan",
    "revenue_ytd_wan_yuan": "revenue_wan_yuan",
    "profit_ytd_wan_yuan": "profit_wan_yuan",
    "export_ytd_wan_yuan": "export_value_wan_yuan",
    "rd_ytd_wan_yuan": "rd_expense_wan_yuan",
}
#: Single month → the cumulative column of which it is the difference.
SINGLE = {
    "output_month_wan_yuan": "output_ytd_wan_yuan",
    "value_added_month_wan_yuan": "value_added_ytd_wan_yuan",
}
AS_SENT = ["output_last_year_wan_yuan", "value_added_last_year_wan_yuan", "employees_average"]
#: Columns summed over a month's rows of other feeds.
SUMS = ["power_kwh", "water_m3", "tax_month_wan_yuan", "insured_count", *DIRECTIONS]
REPORTED = ["new_orders_wan_yuan", "orders_in_hand_wan_yuan", "capacity_utilisation_pct"]


def enterprise_month(
    statistics: DataFrame,
    to_date: DataFrame,
    enterprises: DataFrame,
    tax: DataFrame,
    electricity: DataFrame,
    water: DataFrame,
    insurance: DataFrame,
    customs: DataFrame,
    reports: DataFrame,
    succession: DataFrame,
) -> DataFrame:
    """One row per enterprise above scale and month with statistics.

    Args:
        statistics: the months to compute.
        to_date: these and the earlier months of their years.
        enterprises: the directories up to these years.
    """
    firms = statistics.select("uscc", F.col("period").alias("month"))
    spans = successors(succession)
    sums = [
        behind(tax, spans).withColumn("tax_month_wan_yuan", paid()),
        *(behind(feed, spans) for feed in (electricity, water, insurance, by_direction(customs))),
    ]
    figures = reduce(DataFrame.unionByName, [of_firms(feed, firms) for feed in (*sums, reports)])
    monthly = figures.groupBy("uscc", "month").agg(
        *(F.sum(c).cast(TYPES[c]).alias(c) for c in (*SUMS, *REPORTED)), F.max("known_at").alias("_told_at")
    )
    return (
        single_months(to_date)
        .join(F.broadcast(firms.select("month").distinct()), "month", "left_semi")
        .join(monthly, ["uscc", "month"], "left")
        .join(places(firms, enterprises), ["uscc", "year"], "left")
        .withColumn(
            "district_code",
            F.coalesce("district_code", present_district(F.substring("uscc", 3, 6)), F.lit(UNDIVIDED)),
        )
        .withColumn("known_at", F.greatest("known_at", "_told_at"))
        .withColumn("row_id", row_id("uscc", "month"))
        .select(*contract(TABLE).column_names)
    )


def single_months(to_date: DataFrame) -> DataFrame:
    """Cumulative figures with the month's difference from the month reported before."""
    before = Window.partitionBy("uscc", "year").orderBy("month")
    number = F.substring("month", 6, 2).cast("int")
    previous = F.coalesce(F.lag(number).over(before), F.lit(0))
    cumulative = to_date.select(
        "uscc", F.col("period").alias("month"), F.left("period", F.lit(4)).alias("year"),
        *(F.col(sent).alias(name) for name, sent in CUMULATIVE.items()), *AS_SENT, "known_at",
    )  # fmt: skip

    def added(column: str) -> Column:
        # the first reported month counts from January, where every cumulative figure starts at zero
        start = F.when(previous == 0, F.lit(0).cast(TYPES[column])).otherwise(F.lag(column).over(before))
        return (F.col(column) - start).cast(TYPES[column])

    return cumulative.withColumns(
        {
            "months_covered": number - previous,
            **{month: added(column) for month, column in SINGLE.items()},
        }
    ).withColumn("is_cumulative_fall", F.col("output_month_wan_yuan") < 0)


def of_firms(feed: DataFrame, firms: DataFrame) -> DataFrame:
    """The feed's rows of these firms and months, with all summed columns; null where the feed lacks one."""
    have = set(feed.columns)
    columns = [(F.col(c) if c in have else F.lit(None)).cast(TYPES[c]).alias(c) for c in (*SUMS, *REPORTED)]
    return (
        feed.withColumnRenamed("period", "month")
        .select("uscc", "month", *columns, "known_at")
        .join(F.broadcast(firms), ["uscc", "month"], "left_semi")
    )


def places(firms: DataFrame, enterprises: DataFrame) -> DataFrame:
    """District of each firm in the latest directory up to each year."""
    years = firms.select("uscc", F.left("month", F.lit(4)).alias("year")).distinct()
    listed = enterprises.select("uscc", F.col("year").alias("listed"), "district_code")
    known = listed.join(F.broadcast(years), "uscc", "inner").where("listed <= year")
    return at_most(known, ["uscc", "year"], "listed").drop("listed")


JOB = Job(
    table=TABLE,
    transform=enterprise_month,
    inputs={
        "statistics": Input("raw.gov_statistics_monthly"),
        "to_date": Input("raw.gov_statistics_monthly", "to_date"),
        "enterprises": Input("core.enterprise", "upto"),
        "tax": Input("raw.gov_tax"),
        "electricity": Input("raw.gov_electricity"),
        "water": Input("raw.gov_water"),
        "insurance": Input("raw.gov_social_insurance"),
        "customs": Input("raw.gov_customs"),
        "reports": Input("raw.ent_monthly_report"),
        "succession": Input("core.succession", "upto"),
    },
    evidence={
        "raw.gov_statistics_monthly": {"uscc": "uscc", "period": "month"},
        "raw.gov_tax": {"uscc": "uscc", "period": "month"},
        "raw.gov_electricity": {"uscc": "uscc", "period": "month"},
        "raw.gov_water": {"uscc": "uscc", "period": "month"},
        "raw.gov_social_insurance": {"uscc": "uscc", "period": "month"},
        "raw.gov_customs": {"uscc": "uscc", "period": "month"},
        "raw.ent_monthly_report": {"uscc": "uscc", "period": "month"},
        "core.succession": {"to_uscc": "uscc"},
    },
)
