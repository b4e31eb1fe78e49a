"""Rows of objects: reasons, statuses and the columns that each kind leaves empty."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.values import present
from jobs.per_mu.rules.objects import ObjectRules
from schemas.contract import contract
from schemas.places import CITY

TABLE = "per_mu.object_unit"
#: Kinds whose indicators use statistics of firms; a score tells them if too few firms are behind it.
OF_STATISTICS = ("zone", "industrial_area", "area_part", "service_firm")
OBJECT = ["object_kind_code", "object_code", "year"]


def year_end() -> Column:
    """31 December of the row's year."""
    return F.to_date(F.concat("year", F.lit("-12-31")))


def codes(*pairs: tuple[Column, Column | str]) -> Column:
    """The codes whose condition holds, in the order given; a missing condition does not hold."""
    return present(*(F.when(c, code if isinstance(code, Column) else F.lit(code)) for c, code in pairs))


def with_status(objects: DataFrame) -> DataFrame:
    """Objects with their status and its reasons.

    Tested in this order, as for enterprises: out of scope, exempt, protected, data incomplete, graded. Each of the
    columns ``outside``, ``exempt``, ``protected``, ``gaps`` and ``notes`` has the reasons of one.
    """
    status = (
        F.when(F.size("outside") > 0, "out_of_scope")
        .when(F.size("exempt") > 0, "exempt")
        .when(F.size("protected") > 0, "protected")
        .when(F.size("gaps") > 0, "data_incomplete")
        .otherwise("graded")
    )
    reasons = (
        F.when(F.col("eval_status_code") == "out_of_scope", F.col("outside"))
        .when(F.col("eval_status_code") == "exempt", F.col("exempt"))
        .when(F.col("eval_status_code") == "protected", F.col("protected"))
        .when(F.col("eval_status_code") == "data_incomplete", F.col("gaps"))
        .otherwise(F.col("notes"))
    )
    return (
        objects.withColumn("eval_status_code", status)
        .withColumn("object_reasons", reasons)
        .withColumn(
            "protected_until_date",
            F.when(F.col("eval_status_code") == "protected", F.col("protected_until_date")),
        )
    )


def complete(objects: DataFrame, kind: str, rules: ObjectRules) -> DataFrame:
    """Objects of a kind with all columns of the table but those that all kinds share; others are missing."""
    in_city = F.lit(CITY) if rules.is_ranked_in_city(kind) else F.col("district_code")
    known = F.col("year").isin(*rules.years())
    kept = (
        objects.withColumns(
            {"object_kind_code": F.lit(kind), "ranked_in_code": in_city, "object_count": F.lit(1)}
        )
        .withColumn("outside", F.concat(codes((~known, "no_rule_set")), "outside"))
        .transform(with_status)
    )
    if "reporting_firm_count" in kept.columns and kind in OF_STATISTICS:
        kept = kept.withColumn("statistics_firm_count", F.col("reporting_firm_count"))
    if "list_code" not in kept.columns:
        kept = kept.withColumn("list_code", F.lit(kind))
    last = {"figures_as_of", "rule_set_id", "row_id"}
    return kept.select(
        *(
            (F.col(c.name) if c.name in kept.columns else F.lit(None)).cast(c.type).alias(c.name)
            for c in contract(TABLE).columns
            if c.name not in last
        )
    )
