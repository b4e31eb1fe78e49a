"""评价单元数据 Figures of units of evaluation: a firm with the firms merged into it.

They are summed once, for baselines, indicators and the city rank.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.columns.values import present
from jobs.job import Input, Job
from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.frames import BY_DISTRICT, standing_frame
from jobs.per_mu.rules.models import WHOLE_LIST, duties
from jobs.per_mu.rules.reading import rule_book
from jobs.per_mu.steps.figures import DISTRICT_TAX, tax_contribution
from schemas.contract import code_list, contract
from schemas.places import CITY

TABLE = "per_mu.unit"
#: Columns of units and of enterprises' years that are not summed.
NO_FIGURES = {"uscc", "year", "district_code", "figures_as_of", "row_id"}
CITY_TAX = "city_tax_contribution_wan_yuan"


def unit(population: DataFrame, enterprise_year: DataFrame, rules: RuleBook) -> DataFrame:
    """One row per unit graded in its own name and year; a firm that inherits a grade adds nothing.

    The tax contribution (万元) is given by the components of the district's rule set and by those of the city's; the
    latter is missing for a year without a city rule set.
    """
    session = population.sparkSession
    members = population.where("eval_status_code = 'graded' and unit_role_code in ('own', 'merged')").select(
        "uscc",
        "year",
        "evaluation_uscc",
        "district_code",
        "list_code",
        "ranking_group",
        "unit_role_code",
        "figures_as_of",
    )
    components = standing_frame(session, rules.items()).select(
        *BY_DISTRICT, "tax_components", "tax_exclusions"
    )
    of_city = standing_frame(session, rules.city_items()).select(
        "year",
        F.col("tax_components").alias("city_tax_components"),
        F.col("tax_exclusions").alias("city_tax_exclusions"),
    )
    return (
        members.join(
            enterprise_year.drop("district_code", "is_above_scale", "figures_as_of"),
            ["uscc", "year"],
            "inner",
        )
        .join(F.broadcast(components), BY_DISTRICT, "inner")
        .join(F.broadcast(of_city), "year", "left")
        .withColumns({DISTRICT_TAX: tax_contribution(), CITY_TAX: tax_contribution("city_tax")})
        .groupBy(F.col("evaluation_uscc").alias("uscc"), "year", "district_code", "figures_as_of")
        .agg(*_lead(rules), F.count("*").cast("int").alias("member_count"), *_withholders(), *_sums())
        .withColumn("withheld_figures", _withheld())
        .withColumn("row_id", row_id("uscc", "year", algorithm="sha256"))
        .select(*contract(TABLE).column_names)
    )


def _lead(rules: RuleBook) -> list[Column]:
    """List and group of the unit's lead, compared as numbers: for the maximum of a text Spark would sort the firms."""
    groups = {
        g: None for _, _, r in rules.items() for of_list in r.lists.values() for g in of_list.ranking_groups
    }
    codes = {"list_code": list(code_list("per_mu_list")), "ranking_group": list(groups) or [WHOLE_LIST]}
    is_lead = F.col("unit_role_code") == "own"
    return [
        F.element_at(known, F.max(F.when(is_lead, F.array_position(known, F.col(name)).cast("int")))).alias(
            name
        )
        for name, known in ((name, F.array(*map(F.lit, given))) for name, given in codes.items())
    ]


def _withholders() -> list[Column]:
    """For each duty, the number of the unit's firms that owe a report and have sent none, not even a faulty one."""
    return [
        F.count(
            F.when(
                F.array_contains("missing_feeds", duty.feed)
                & ~F.array_contains("quarantined_feeds", duty.feed),
                1,
            )
        ).alias(f"without_{duty.feed}")
        for duty in duties()
    ]


def _withheld() -> Column:
    """Figures that at least one of the unit's firms withholds."""
    return present(*(F.when(F.col(f"without_{d.feed}") > 0, F.lit(d.figure)) for d in duties()))


def _sums() -> list[Column]:
    of_year = {*contract("core.enterprise_year").column_names, DISTRICT_TAX, CITY_TAX} - NO_FIGURES
    return [F.sum(c.name).cast(c.type).alias(c.name) for c in contract(TABLE).columns if c.name in of_year]


def of_city(units: DataFrame) -> DataFrame:
    """The units as one district, with the tax contribution by the city's rule set."""
    return units.withColumns(
        {"district_code": F.lit(CITY), "ranking_group": F.lit(WHOLE_LIST), DISTRICT_TAX: F.col(CITY_TAX)}
    )


JOB = Job(
    table=TABLE,
    transform=unit,
    inputs={
        "population": Input("per_mu.population"),
        "enterprise_year": Input("core.enterprise_year"),
    },
    rules=rule_book,
    evidence={
        "core.enterprise_year": {"uscc": "uscc", "year": "year"},
        "per_mu.population": {"evaluation_uscc": "uscc", "year": "year"},
    },
)
