"""土地调查核实清单 Land to be verified: firms whose recorded land cannot carry their people or output."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.columns.values import no_texts
from jobs.job import Input, Job
from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.frames import BY_DISTRICT, district_frame
from jobs.per_mu.rules.reading import rule_book
from jobs.per_mu.steps.figures import tax_contribution
from jobs.per_mu.steps.land import carried, with_limits
from schemas.contract import contract

TABLE = "per_mu.land_review"
REASON = "land_too_small:"
FIRM = ["uscc", "year"]


def land_review(
    population: DataFrame,
    enterprise: DataFrame,
    enterprise_year: DataFrame,
    parcel_use: DataFrame,
    rules: RuleBook,
) -> DataFrame:
    """One row per firm, year and kind of amount (persons, 万元) that its land (亩) cannot carry."""
    reasons = population.select(
        *FIRM,
        "district_code",
        "list_code",
        "land_area_mu",
        "rule_set_id",
        F.explode("status_reasons").alias("reason"),
    )
    # few firms: broadcast them to the large tables
    listed = F.broadcast(
        reasons.where(F.col("reason").startswith(REASON)).withColumn(
            "land_measure_code", F.substring("reason", len(REASON) + 1, 100)
        )
    )
    figures = enterprise_year.drop("district_code", "is_above_scale", "land_area_mu", "row_id")
    components = district_frame(population.sparkSession, rules.items()).select(
        *BY_DISTRICT, "tax_components", "tax_exclusions"
    )
    amount, least = (
        F.coalesce(
            *(
                F.when(F.col("land_measure_code") == code, of[side].cast("decimal(24,6)"))
                for code, of in carried().items()
            )
        )
        for side in (0, 1)
    )
    parcels = (
        parcel_use.join(listed.select(*FIRM), FIRM, "left_semi")
        .groupBy(*FIRM)
        .agg(F.sort_array(F.collect_set("parcel_id")).alias("parcel_ids"))
    )
    return (
        figures.join(listed, FIRM, "inner")
        .join(enterprise.select(*FIRM, "enterprise_name", "industry_division_code"), FIRM, "inner")
        .join(components, BY_DISTRICT, "inner")
        .withColumn("tax_contribution", tax_contribution())
        .transform(with_limits, rules.limits)
        .join(parcels, FIRM, "left")
        .withColumn("parcel_ids", F.coalesce("parcel_ids", no_texts()))
        .withColumns(
            {"carried_amount": amount, "least_land_mu": least, "row_id": row_id(*FIRM, "land_measure_code")}
        )
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=land_review,
    inputs={
        "population": Input("per_mu.population"),
        "enterprise": Input("core.enterprise"),
        "enterprise_year": Input("core.enterprise_year"),
        "parcel_use": Input("core.parcel_use"),
    },
    rules=rule_book,
    evidence={
        "per_mu.population": {"uscc": "uscc", "year": "year"},
        "core.enterprise_year": {"uscc": "uscc", "year": "year"},
        "core.parcel_use": {"uscc": "uscc", "year": "year"},
    },
)
