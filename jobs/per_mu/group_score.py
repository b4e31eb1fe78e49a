"""集团合并评价 Groups evaluated together: a mixed enterprise (混合型企业) by the sum of its members, beside each alone.

Huangyan 2021 evaluates such enterprises independently and merged. The merged score is measured by the baselines of the
lead's list; a missing value gets the score that the list's units get. No grade follows from it.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, divide, median_of
from jobs.columns.rows import first_of, materialised, row_id
from jobs.job import Input, Job
from jobs.per_mu.indicator_value import indicator_values
from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.frames import BY_GROUP
from jobs.per_mu.rules.reading import rule_book
from jobs.per_mu.steps.figures import OF_ENTERPRISES
from jobs.per_mu.steps.groups import explain_group
from schemas.contract import contract

TABLE = "per_mu.group_score"
GROUP = ["group_code", "year"]
#: Sums of units; the number of firms is counted anew.
FIGURES = {c.name: c.type for c in contract("per_mu.unit").columns if c.unit and c.name != "member_count"}


def group_score(
    unit: DataFrame,
    baseline: DataFrame,
    indicator_value: DataFrame,
    enterprise_grade: DataFrame,
    membership: DataFrame,
    rules: RuleBook,
) -> DataFrame:
    """One row per group with graded members and year."""
    members = materialised(_members(unit, membership))
    groups = materialised(_groups(members))
    scores = _scores(groups, baseline, indicator_value, rules)
    ranked = enterprise_grade.where("evaluation_version = 1 and rank_in_list is not null").select(
        "uscc", *BY_GROUP, "list_size", "initial_grade", F.col("indicator_score").alias("unit_score")
    )
    alone = (
        members.select(*GROUP, "uscc")
        .join(ranked.select("uscc", "year", "unit_score"), ["uscc", "year"], "inner")
        .groupBy(*GROUP)
        .agg(F.max("unit_score").alias("best_member_score"), F.min("unit_score").alias("least_member_score"))
    )
    of_groups = materialised(
        groups.select(
            *GROUP, "group_name", "lead_uscc", "district_code", "list_code", "ranking_group", "member_count",
            "figures_as_of",
        ).join(scores, GROUP, "inner")
    )  # fmt: skip
    return (
        of_groups.join(alone, GROUP, "inner")
        .join(_beside(of_groups, ranked), GROUP, "inner")
        .withColumn("uscc", F.col("lead_uscc"))
        .withColumn("row_id", row_id(*GROUP))
        .select(*contract(TABLE).column_names)
    )


def _members(unit: DataFrame, membership: DataFrame) -> DataFrame:
    """Graded units that belong to a group in the year, its controller included, by the latest report on each."""
    ends = F.col("valid_to_date")
    controllers = membership.groupBy(F.col("controller_uscc").alias("uscc"), "group_code", "year").agg(
        F.max("group_name").alias("group_name"),
        F.max("known_at").alias("known_at"),
        F.min("valid_from_date").alias("valid_from_date"),
        F.when(F.count(ends) == F.count("*"), F.max(ends)).alias("valid_to_date"),
    )
    columns = [
        "uscc", "group_code", "group_name", "controller_uscc", "year", "valid_from_date", "valid_to_date", "known_at",
    ]  # fmt: skip
    reports = (
        membership.select(*columns)
        .unionByName(controllers.withColumn("controller_uscc", F.col("uscc")).select(*columns))
        .withColumnRenamed("year", "told")
    )
    year_end = F.to_date(F.concat("year", F.lit("-12-31")))
    return (
        unit.join(F.broadcast(reports), "uscc", "inner")
        .where(F.col("told") <= F.col("year"))
        .transform(first_of, ["uscc", "year"], F.col("told").desc(), F.col("known_at").desc(), "group_code")
        .where(F.col("valid_from_date") <= year_end)
        .where(F.col("valid_to_date").isNull() | (F.col("valid_to_date") >= year_end))
    )


def _groups(members: DataFrame) -> DataFrame:
    """One row per group of two graded units or more: place and list of its lead, and sums of figures."""
    leads = first_of(
        members,
        GROUP,
        (F.col("uscc") == F.col("controller_uscc")).desc(),
        F.col("land_area_mu").desc_nulls_last(),
        "uscc",
    ).select(
        *GROUP, "group_name", F.col("uscc").alias("lead_uscc"), "district_code", "list_code", "ranking_group",
        "figures_as_of",
    )  # fmt: skip
    sums = members.groupBy(*GROUP).agg(
        *(F.sum(name).cast(kind).alias(name) for name, kind in FIGURES.items()),
        F.count("*").cast("int").alias("member_count"),
        F.array_sort(F.array_distinct(F.flatten(F.collect_list("withheld_figures")))).alias(
            "withheld_figures"
        ),
    )
    return leads.join(sums.where("member_count > 1"), GROUP, "inner")


def _scores(groups: DataFrame, baseline: DataFrame, indicator_value: DataFrame, rules: RuleBook) -> DataFrame:
    """Indicator score of each group. The list's own units say what a missing value scores, not the groups."""
    lists = F.broadcast(groups.select(*BY_GROUP).distinct())
    known = indicator_value.where("not is_missing and score is not null").join(lists, BY_GROUP, "left_semi")
    of_list = (
        known.groupBy(*BY_GROUP, "indicator_code")
        .agg(
            F.sort_array(F.collect_list("score")).alias("ordered"),
            F.sum("score").cast(VALUE_TYPE).alias("points"),
            F.count("*").alias("units"),
        )
        .select(
            *BY_GROUP, "indicator_code", median_of(F.col("ordered")).alias("list_median"),
            divide(F.col("points"), F.col("units")).alias("list_average"),
        )
    )  # fmt: skip
    units = groups.withColumn("uscc", F.col("group_code"))
    return (
        indicator_values(units, baseline, rules.items(), known=OF_ENTERPRISES)
        .join(of_list, [*BY_GROUP, "indicator_code"], "left")
        .groupBy(F.col("uscc").alias("group_code"), "year", "rule_set_id")
        .agg(F.sum(_score()).cast("decimal(24,6)").alias("indicator_score"))
    )


def _score() -> Column:
    """The group's score of an indicator."""
    by_list = F.when(F.col("missing_policy") == "group_median", F.col("list_median")).when(
        F.col("missing_policy") == "group_average", F.col("list_average")
    )
    is_missing = F.col("is_missing") & ~F.col("is_withheld") & by_list.isNotNull()
    return F.when(is_missing, by_list).otherwise(F.col("score"))


def _beside(groups: DataFrame, ranked: DataFrame) -> DataFrame:
    """Rank and grade that each group's score would take among the units of its list."""
    higher = F.col("unit_score") > F.col("indicator_score")
    return (
        groups.select(*GROUP, *(c for c in BY_GROUP if c != "year"), "indicator_score")
        .join(ranked.drop("uscc"), BY_GROUP, "inner")
        .groupBy(*GROUP)
        .agg(
            (F.count(F.when(higher, 1)) + 1).cast("int").alias("rank_beside"),
            F.max("list_size").alias("list_size"),
            F.coalesce(F.min(F.when(~higher, F.col("initial_grade"))), F.max("initial_grade")).alias(
                "grade_beside"
            ),
        )
    )


JOB = Job(
    table=TABLE,
    transform=group_score,
    inputs={
        "unit": Input("per_mu.unit"),
        "baseline": Input("per_mu.baseline"),
        "indicator_value": Input("per_mu.indicator_value"),
        "enterprise_grade": Input("per_mu.enterprise_grade"),
        "membership": Input("core.group_member", "upto"),
    },
    rules=rule_book,
    evidence={
        "per_mu.unit": {"uscc": "uscc", "year": "year"},
        "core.group_member": {"group_code": "group_code"},
    },
    explain=explain_group,
)
