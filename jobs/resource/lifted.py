"""达标提升企业 Lifted firms: on the list the year before, and now judged without a condition that holds.

A firm that closed, moved out or is no longer judged is not lifted.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id, with_part
from jobs.job import Input, Job
from jobs.resource.low_efficiency import listings
from jobs.resource.rules.efficiency import EfficiencyRules, efficiency_rules
from jobs.resource.steps.listing import beside_the_year_before
from jobs.resource.steps.standings import FIRM
from schemas.contract import contract

TABLE = "resource.lifted"
BEFORE = ("failed_conditions", "listed_since_year", "final_grade", "tax_per_mu_wan_yuan", "persons_per_mu")


def lifted(
    enterprises: DataFrame,
    grades: DataFrame,
    publications: DataFrame,
    succession: DataFrame,
    units: DataFrame,
    population: DataFrame,
    baselines: DataFrame,
    figures: DataFrame,
    rules: EfficiencyRules,
) -> DataFrame:
    """One row per firm and year in which it was lifted, with its figures beside those of the year before."""
    rows = listings(grades, publications, succession, units, population, baselines, figures, rules)
    names = enterprises.select(*FIRM, "enterprise_name")
    return (
        beside_the_year_before(rows, *BEFORE)
        .where("was_listed AND is_judged AND NOT is_listed")
        .transform(with_part, names, FIRM, how="inner")
        .withColumns({"listed_since_year": F.col("listed_since_year_before"), "row_id": row_id(*FIRM)})
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=lifted,
    inputs={
        "enterprises": Input("core.enterprise"),
        "grades": Input("per_mu.enterprise_grade", "upto"),
        "publications": Input("per_mu.publication", "upto"),
        "succession": Input("core.succession", "upto"),
        "units": Input("per_mu.unit", "upto"),
        "population": Input("per_mu.population", "upto"),
        "baselines": Input("per_mu.baseline", "upto"),
        "figures": Input("core.enterprise_year", "upto"),
    },
    rules=efficiency_rules,
    evidence={
        "per_mu.enterprise_grade": {"uscc": "uscc", "year": "year"},
        "core.enterprise_year": {"uscc": "uscc", "year": "year"},
    },
)
