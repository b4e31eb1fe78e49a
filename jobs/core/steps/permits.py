"""Discharge permits 排污许可证 of a firm in a year: the one that obliges it to report, and what all of them allow."""

from __future__ import annotations

from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.rows import whole
from schemas.contract import code_list

#: Classes of permits, the strictest first.
CLASSES = list(code_list("permit_class"))
#: Classes whose holders submit a yearly report (排污许可管理条例, article 22); 登记管理 is no permit (article 24).
OBLIGING = [code for code, row in code_list("permit_class").items() if row["yearly_report"] == "due"]
#: A permit held for a shorter part of the year is reported with the next year (HJ 944-2018, 报告周期).
LEAST_MONTHS = 3
PERMITTED = ("cod_permitted_t", "nh3n_permitted_t", "so2_permitted_t", "nox_permitted_t")
AMOUNT = "decimal(18,6)"


def permits(register: DataFrame) -> DataFrame:
    """One row per firm and year with a permit held for three months of the year or longer.

    Of several permits the strictest class counts, then the longest term; their permitted amounts are summed.

    Args:
        register: rows of raw.gov_discharge_permit of all years up to the last one to compute. A cancelled permit is not
            on the register of the year's end, and so not of the year.
    """
    mine = Window.partitionBy("uscc", "year").orderBy(
        F.array_position(F.array(*map(F.lit, CLASSES)), F.col("permit_class_code")),
        F.col("permit_to_date").desc(),
        "permit_code",
    )
    return (
        register.transform(_held)
        .withColumns(
            {
                "place": F.row_number().over(mine),
                "emission_permitted_t": F.sum("permitted").over(whole("uscc", "year")).cast(AMOUNT),
                "latest": F.max("known_at").over(whole("uscc", "year")),
            }
        )
        .where("place = 1")
        .select(
            "uscc", "year", "permit_class_code", "permit_code", "emission_permitted_t",
            F.col("latest").alias("known_at"),
        )
    )  # fmt: skip


def _held(register: DataFrame) -> DataFrame:
    """Permits of each year's register that were held long enough in it.

    A renewal starts a new term of the same permit, so it is held since the first term that any register told.
    """
    terms = Window.partitionBy("permit_code").orderBy("period")
    since = F.min("permit_from_date").over(terms.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    year = F.col("year").cast("int")
    return (
        register.withColumn("year", F.left("period", F.lit(4)))
        .withColumns(
            {
                "held_from": F.greatest(since, F.make_date(year, F.lit(1), F.lit(1))),
                "held_to": F.least("permit_to_date", F.make_date(year, F.lit(12), F.lit(31))),
                "permitted": _permitted(),
            }
        )
        .where(F.add_months("held_from", LEAST_MONTHS) <= F.date_add("held_to", 1))
    )


def _permitted() -> Column:
    """Sum of the permitted amounts; missing where the permit names none."""
    total = reduce(add, (F.coalesce(F.col(c), F.lit(0)) for c in PERMITTED))
    return F.when(F.coalesce(*PERMITTED).isNotNull(), total.cast(AMOUNT))
