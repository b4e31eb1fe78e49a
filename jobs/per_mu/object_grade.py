"""Grades of objects 评价等级: totals, ranks and quotas by the step that enterprises use.

Parks of four or five stars are A outside the quota: they take no place and no rank (practice of the province's system
of small-firm parks).
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.columns.values import no_texts
from jobs.job import Input, Job
from jobs.per_mu.rules.frames import BY_DISTRICT, BY_GROUP, district_frame
from jobs.per_mu.rules.objects import ObjectRules, object_rules
from jobs.per_mu.steps.grades import EFFECTS, ZERO, graded_units, totals
from jobs.per_mu.steps.objects.explanation import explain_object
from jobs.per_mu.steps.objects.units import as_units
from jobs.per_mu.steps.part_year import status
from schemas.contract import contract

TABLE = "per_mu.object_grade"
STARRED = ("five_stars", "four_stars")


def object_grade(object_unit: DataFrame, object_indicator_value: DataFrame, rules: ObjectRules) -> DataFrame:
    """One row per graded object and year."""
    units = (
        as_units(object_unit)
        .select(
            "uscc", *BY_GROUP, "figures_as_of", "object_kind_code", "object_name", "statistics_firm_count",
            "ranked_in_code", "object_reasons",
        )
        .join(totals(object_indicator_value.withColumn("uscc", F.col("object_code"))), ["uscc", "year"], "inner")
        .withColumns({"bonus": _none("decimal(18,4)"), "penalty": _none("decimal(18,4)")})
        .withColumns({effect: no_texts() for effect in EFFECTS})
        .withColumns({name: _none("bigint") for name in ("exempt_firms", "protected_firms")})
    )  # fmt: skip
    starred = F.arrays_overlap("object_reasons", F.array(*map(F.lit, STARRED)))
    ranked = units.where(~starred).transform(graded_units, rules.items())
    sizes = ranked.select(*BY_GROUP, "list_size").distinct()
    own = units.where(starred).withColumn("total_score", F.col("indicator_score").cast(ZERO))
    stars = (
        own.join(_places(units, rules), BY_DISTRICT, "inner")
        .join(F.broadcast(sizes), BY_GROUP, "left")
        .withColumns(
            {
                "final_grade": F.lit("A"),
                "initial_grade": F.lit("A"),
                "rank_in_list": _none("int"),
                "percentile_pct": _none("decimal(9,4)"),
                "list_size": F.coalesce("list_size", F.lit(0)),
                "is_tie": F.lit(False),
                "object_grade_reasons": F.filter("object_reasons", lambda code: code.isin(*STARRED)),
            }
        )
    )
    columns = [
        "uscc", "year", "district_code", "list_code", "object_kind_code", "object_name", "final_grade", "total_score",
        "rank_in_list", "list_size", "percentile_pct", "ranked_in_code", "initial_grade", "object_grade_reasons",
        "is_tie", "statistics_firm_count", "figures_as_of", "rule_set_id", "rule_set_hash",
    ]  # fmt: skip
    lies_in = object_unit.where("eval_status_code = 'graded'").select(
        F.col("object_code").alias("uscc"), "year", F.col("district_code").alias("own_district")
    )
    return (
        ranked.withColumn("object_grade_reasons", no_texts())
        .select(*columns)
        .unionByName(stars.select(*columns))
        .join(lies_in, ["uscc", "year"], "inner")
        .withColumns(
            {"object_code": F.col("uscc"), "district_code": F.col("own_district"), "status_code": status()}
        )
        .withColumn("row_id", row_id("object_kind_code", "object_code", "year"))
        .select(*contract(TABLE).column_names)
    )


def _none(kind: str) -> Column:
    return F.lit(None).cast(kind)


def _places(units: DataFrame, rules: ObjectRules) -> DataFrame:
    """The rule set of each place and year."""
    return district_frame(units.sparkSession, rules.items()).select(
        *BY_DISTRICT, "rule_set_id", "rule_set_hash"
    )


JOB = Job(
    table=TABLE,
    transform=object_grade,
    inputs={
        "object_unit": Input("per_mu.object_unit"),
        "object_indicator_value": Input("per_mu.object_indicator_value"),
    },
    rules=object_rules,
    evidence={
        "per_mu.object_unit": {
            "object_kind_code": "object_kind_code", "object_code": "object_code", "year": "year",
        },
        "per_mu.object_indicator_value": {
            "object_kind_code": "object_kind_code", "object_code": "object_code", "year": "year",
        },
    },
    explain=explain_object,
    absent="per_mu.object_unit",
)  # fmt: skip
