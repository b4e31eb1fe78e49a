"""初始排污权 Initial rights of a year by firm and pollutant, and whether the firm may hold any.

无排污许可证或登记者不得有初始排污权 (浙政办发〔2023〕18号): only firms with a permit or registration in the year
have accounts.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE
from jobs.columns.rows import literal_table, with_part
from jobs.core.steps.identity import behind
from schemas.contract import code_list

POLLUTANTS = sorted(code_list("pollutant"))
KEY = ["uscc", "year", "pollutant_code"]


def accounts(figures: DataFrame) -> DataFrame:
    """One row per firm with an account, year and pollutant, with what it discharged."""
    pollutants = literal_table(figures.sparkSession, [(one,) for one in POLLUTANTS], "pollutant_code string")
    amount = F.coalesce(*(F.when(F.col("pollutant_code") == one, F.col(f"{one}_t")) for one in POLLUTANTS))
    return (
        figures.where("permit_class_code IS NOT NULL")
        .crossJoin(pollutants)
        .select(*KEY, "district_code", amount.alias("discharged_t"))
    )


def initial_rights(rights: DataFrame, spans: DataFrame) -> DataFrame:
    """One row per firm, year and pollutant of the register: what is granted for the year, and the term's last day.

    A right counts in every year that its term touches; one that ended before the year counts for nothing.
    """
    begin = F.make_date(F.col("year").cast("int"), F.lit(1), F.lit(1))
    counts = F.col("right_to_date") >= begin
    return (
        behind(rights, spans)
        .withColumn("year", F.col("period"))
        .groupBy(*KEY)
        .agg(
            F.coalesce(F.sum(F.when(counts, F.col("initial_t"))), F.lit(0))
            .cast(VALUE_TYPE)
            .alias("granted_t"),
            F.max("right_to_date").alias("right_to_date"),
        )
    )


def with_initial(of_accounts: DataFrame, initial: DataFrame) -> DataFrame:
    """Accounts with what they begin the year with; an account without an initial right begins with zero."""
    rows = with_part(of_accounts, initial, KEY)
    return rows.withColumn("opening", F.coalesce("granted_t", F.lit(0)).cast(VALUE_TYPE))
