"""Adjustments 加减分与一票否决: effects of honours, penalties, accidents and protections on score and grade."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.columns.values import those_in
from jobs.job import Input, Job
from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.frames import BY_DISTRICT, Items, event_frame, standing_frame
from jobs.per_mu.rules.reading import rule_book
from schemas.contract import code_list

#: Rows of a code list by code.
CodeList = Mapping[str, Mapping[str, str]]
_OF_EVENT = (
    "uscc", "year", "district_code", "rule_set_id", "event_id", "document_code", "adjustment_kind_code",
    "adjustment_code", "points", "effect_code", "reason_zh",
)  # fmt: skip
PROTECTIONS = {"new_firm": "新设立企业", "new_land": "新供地在建", "upgraded": "小升规企业"}


def adjustment(population: DataFrame, enterprise_event: DataFrame, rules: RuleBook) -> DataFrame:
    """One row per enterprise, year, adjustment and event that its district's rule set covers; points are signed.

    Points are before the rule set's cap. Of several bonuses in one category only the highest counts (同类取高); the
    others stay with zero points.
    """
    rule_sets = standing_frame(population.sparkSession, rules.items()).select(*BY_DISTRICT, "rule_set_id")
    firms = population.select("uscc", *BY_DISTRICT, "status_reasons", "eval_status_code").join(
        F.broadcast(rule_sets), BY_DISTRICT, "inner"
    )
    events = _from_events(firms, enterprise_event, rules.items())
    return (
        events.unionByName(_from_protections(firms))
        .withColumn("row_id", row_id("uscc", "year", "adjustment_code", "event_id", algorithm="sha256"))
        .select(
            "uscc", "year", "adjustment_code", "event_id", "district_code", "adjustment_kind_code", "points",
            "effect_code", "reason_zh", "document_code", "rule_set_id", "row_id",
        )
    )  # fmt: skip


def _from_events(firms: DataFrame, events: DataFrame, items: Items) -> DataFrame:
    rule = event_frame(firms.sparkSession, items).drop("rule_set_id").alias("r")
    end = F.to_date(F.concat("year", F.lit("-12-31")))
    # the first delivery of honours also has those of earlier years that are still valid
    is_older = (F.col("event_kind_code") == "honour") & (F.date_format("event_date", "yyyy") < F.col("year"))
    matched = (
        events.where((F.coalesce("valid_until_date", end) >= end) & ~is_older)
        .join(firms.drop("status_reasons", "eval_status_code"), ["uscc", "year"], "inner")
        .alias("e")
        .join(
            rule,
            (F.col("e.district_code") == F.col("r.district_code"))
            & (F.col("e.year") == F.col("r.year"))
            & (F.col("e.event_code") == F.col("r.event_code"))
            & ((F.col("e.event_kind_code") == "honour") == F.col("r.is_honour"))
            & (~F.col("r.is_honour") | (F.col("e.level_code") == F.col("r.level_code"))),
            "inner",
        )
        .select(
            "e.uscc", "e.year", "e.district_code", "e.rule_set_id", "e.event_id", "e.document_code",
            F.col("e.event_code").alias("event_code"), F.col("e.level_code").alias("level_code"),
            F.col("e.repaired_date").alias("repaired_date"), "e.repair_document_code",
            F.coalesce(F.col("e.repaired_date") <= F.to_date(F.concat("e.year", F.lit("-12-31"))), F.lit(False))
            .alias("is_repaired"),
            "r.adjustment_kind_code", "r.adjustment_code", "r.points", "r.category",
            F.col("r.effect_code").alias("rule_effect"), "r.repaired_effect_code",
        )
    )  # fmt: skip
    return (
        matched.withColumn(
            "effect_code",
            F.when(F.col("is_repaired"), F.col("repaired_effect_code")).otherwise(F.col("rule_effect")),
        )
        .transform(_highest_of_category)
        .withColumn("reason_zh", _reason())
        .select(*_OF_EVENT)
    )


def _highest_of_category(matched: DataFrame) -> DataFrame:
    order = Window.partitionBy("uscc", "year", "category").orderBy(F.col("points").desc(), "event_id")
    extra = (F.col("adjustment_kind_code") == "bonus") & (F.col("place") > 1)
    return (
        matched.withColumn("place", F.row_number().over(order))
        .withColumns(
            {
                "points": F.when(extra, F.lit(0)).otherwise(F.col("points")).cast("decimal(9,4)"),
                "effect_code": F.when(extra, "none").otherwise(F.col("effect_code")),
            }
        )
        .drop("place", "category")
    )


def _titles(code: Column, *lists: CodeList) -> Column:
    pairs = [F.lit(text) for rows in lists for row in rows.values() for text in (row["code"], row["zh"])]
    return F.try_element_at(F.create_map(*pairs), code)


def _reason() -> Column:
    effects = {
        "direct_d": "一票否决，直接列为D类",
        "not_above_c": "一票否决，不高于C类",
        "none": "同类取高，不重复加分",
    }
    what = F.concat(
        F.coalesce(_titles(F.col("level_code"), code_list("level")), F.lit("")),
        _titles(F.col("event_code"), code_list("honour"), code_list("penalty")),
    )
    told = F.when(F.col("points") >= 0, F.concat(F.lit("加"), _points(), F.lit("分"))).otherwise(
        F.concat(F.lit("扣"), _points(), F.lit("分"))
    )
    for code, text in effects.items():
        told = F.when(F.col("effect_code") == code, F.lit(text)).otherwise(told)
    # a penalty counts in spite of repair; only what the repair changes is told
    repaired = F.concat(
        F.lit("已于"), F.col("repaired_date").cast("string"), F.lit("信用修复"),
        F.coalesce(F.concat(F.lit("（"), F.col("repair_document_code"), F.lit("）")), F.lit("")),
        F.when(F.col("effect_code") == "none", F.lit("，不再否决")).otherwise(F.lit("，不高于C类")),
    )  # fmt: skip
    is_changed = F.col("is_repaired") & (F.col("effect_code") != F.col("rule_effect"))
    return F.concat(what, F.lit("："), F.when(is_changed, repaired).otherwise(told))


def _points() -> Column:
    """Points as text, without sign and trailing zeros."""
    text = F.abs("points").cast("string")
    return F.regexp_replace(text, r"\.?0+$", "")


def _from_protections(firms: DataFrame) -> DataFrame:
    """Protections of graded firms from grade D, as their status reasons name them."""
    names = F.create_map(*[F.lit(t) for pair in PROTECTIONS.items() for t in pair])
    held = those_in("status_reasons", F.array(*map(F.lit, PROTECTIONS)))
    return (
        firms.where("eval_status_code = 'graded'")
        .withColumn("protection", F.explode(held))
        .select(
            "uscc", "year", "district_code", "rule_set_id",
            F.concat(F.lit("protection:"), F.col("protection")).alias("event_id"),
            F.lit(None).cast("string").alias("document_code"),
            F.lit("protection").alias("adjustment_kind_code"),
            F.concat(F.lit("protection:"), F.col("protection")).alias("adjustment_code"),
            F.lit(0).cast("decimal(9,4)").alias("points"),
            F.lit("not_below_c").alias("effect_code"),
            F.concat(F.element_at(names, F.col("protection")), F.lit("：不低于C类")).alias("reason_zh"),
        )
    )  # fmt: skip


JOB = Job(
    table="per_mu.adjustment",
    transform=adjustment,
    inputs={
        "population": Input("per_mu.population"),
        "enterprise_event": Input("core.enterprise_event"),
    },
    rules=rule_book,
    evidence={
        "core.enterprise_event": {"event_id": "event_id", "year": "year"},
        "per_mu.population": {"uscc": "uscc", "year": "year"},
    },
)
