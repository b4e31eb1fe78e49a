"""低效企业 Firms of low efficiency: the list with the conditions that put a firm there, what to do and until when.

Beside it stand the visits of officials for low efficiency. A visit is made for the list of an evaluation year, its
period, after the end of that year. It counts from the year in which the firm was listed up to the row's year, so that
rows of earlier years never change by what later lists bring.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import first_of, materialised, row_id, with_part
from jobs.core.steps.identity import behind, successors
from jobs.job import Input, Job
from jobs.resource.rules.efficiency import EfficiencyRules, FirmRules, efficiency_rules
from jobs.resource.steps.listing import judged, on_the_list
from jobs.resource.steps.standings import FIRM, in_force, results, standings
from schemas.contract import contract

TABLE = "resource.low_efficiency"


def low_efficiency(
    enterprises: DataFrame,
    grades: DataFrame,
    publications: DataFrame,
    succession: DataFrame,
    units: DataFrame,
    population: DataFrame,
    baselines: DataFrame,
    figures: DataFrame,
    visits: DataFrame,
    rules: EfficiencyRules,
) -> DataFrame:
    """One row per listed firm and year."""
    listed = listings(grades, publications, succession, units, population, baselines, figures, rules).where(
        "is_listed"
    )
    names = enterprises.select(*FIRM, "enterprise_name", "industry_division_code")
    year, measures = F.col("year").cast("int"), rules.firms.measures
    return (
        with_part(listed, names, FIRM, how="inner")
        .transform(with_part, visited(listed, behind(visits, successors(succession))), FIRM)
        .withColumns(
            {
                "low_efficiency_measure_code": _of_first_fit(rules.firms, [one.measure for one in measures]),
                "years": _of_first_fit(rules.firms, [one.years for one in measures]),
                "visit_count": F.coalesce("visit_count", F.lit(0)),
                "reviewed_year": (year + 1).cast("string"),
                "row_id": row_id(*FIRM),
            }
        )
        .withColumn(
            # listed by the results of a year, which are published in the next one
            "deadline_date",
            F.make_date(F.col("listed_since_year").cast("int") + 1 + F.col("years"), F.lit(12), F.lit(31)),
        )
        .withColumn("is_overdue", F.year("deadline_date") <= year)
        .select(*contract(TABLE).column_names)
    )


def listings(
    grades: DataFrame, publications: DataFrame, succession: DataFrame, units: DataFrame, population: DataFrame,
    baselines: DataFrame, figures: DataFrame, rules: EfficiencyRules,
) -> DataFrame:  # fmt: skip
    """Every judged or unjudged firm and year with its place on the list."""
    standing = standings(results(grades, publications), succession, rules.gap_interrupts).transform(in_force)
    return materialised(
        judged(standing, units, population, baselines, figures, rules.firms).transform(on_the_list)
    )


def visited(listed: DataFrame, visits: DataFrame) -> DataFrame:
    """One row per listed firm and year with visits since it was listed: their number, the last day and its finding.

    Args:
        visits: each under the code of the enterprise behind it.
    """
    of_purpose = visits.where("visit_purpose_code = 'low_efficiency'").select(
        "uscc", "period", "visit_code", "visited_date", "visit_finding_code"
    )
    # nobody can be visited for a list before the year that it judges is over
    after = F.make_date(F.col("listed_since_year").cast("int") + 1, F.lit(1), F.lit(1))
    found = (
        listed.select(*FIRM, "listed_since_year")
        .join(of_purpose, "uscc", "inner")
        .where("period BETWEEN listed_since_year AND year")
        .where(F.col("visited_date") >= after)
    )
    counted = found.groupBy(*FIRM).agg(F.count("*").alias("visit_count"))
    last = first_of(
        found, FIRM, F.col("visited_date").desc(), F.col("period").desc(), F.col("visit_code").desc()
    )
    return with_part(
        last.select(
            *FIRM,
            F.col("visited_date").alias("last_visit_date"),
            F.col("visit_finding_code").alias("last_visit_finding_code"),
        ),
        counted,
        FIRM,
    )


def _of_first_fit(rules: FirmRules, values: Sequence[str | int]) -> Column:
    """The value of the first measure whose condition holds; the last one's for a firm that was not judged."""
    found = F.lit(values[-1])
    for one, value in reversed(list(zip(rules.measures, values, strict=True))):
        holds = F.array_contains("failed_conditions", one.condition)
        if one.from_years_in_d > 1:
            holds = holds & (F.coalesce("years_in_d_count", F.lit(0)) >= one.from_years_in_d)
        found = F.when(holds, F.lit(value)).otherwise(found)
    return found


JOB = Job(
    table=TABLE,
    transform=low_efficiency,
    inputs={
        "enterprises": Input("core.enterprise"),
        "grades": Input("per_mu.enterprise_grade", "upto"),
        "publications": Input("per_mu.publication", "upto"),
        "succession": Input("core.succession", "upto"),
        "units": Input("per_mu.unit", "upto"),
        "population": Input("per_mu.population", "upto"),
        "baselines": Input("per_mu.baseline", "upto"),
        "figures": Input("core.enterprise_year", "upto"),
        "visits": Input("raw.gov_enterprise_visit", "upto"),
    },
    rules=efficiency_rules,
    evidence={
        "per_mu.enterprise_grade": {"uscc": "uscc", "year": "year"},
        "per_mu.population": {"uscc": "uscc", "year": "year"},
        "core.enterprise_year": {"uscc": "uscc", "year": "year"},
        "raw.gov_enterprise_visit": {"uscc": "uscc"},
    },
)
