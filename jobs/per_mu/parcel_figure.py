"""宗地使用人数据 Figures of firms, shared out to the parcels on which they have land.

A parcel, building, park or zone is judged by what is made on its land. Firms report for all their land together; each
figure is therefore shared out in proportion to the land that the firm uses on each parcel. Rounded down at the digits
of its column, so the parts never exceed the whole; what is lost is less than one last digit for each parcel but one.
"""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import AMOUNT, share_pct
from jobs.columns.rows import at_most, row_id, with_part
from jobs.columns.values import present
from jobs.core.steps.identity import behind, successors
from jobs.job import Input, Job
from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.frames import BY_DISTRICT, district_frame
from jobs.per_mu.rules.reading import rule_book
from jobs.per_mu.steps.figures import tax_contribution
from schemas.contract import code_list, contract

TABLE = "per_mu.parcel_figure"
FIRM = ["uscc", "year"]
#: Types of use 用地方式, in the order in which a row names them.
USE_TYPES = sorted(code_list("use_type"))
#: Figures that are shared out → digits after the point.
SHARED = {
    "tax_contribution_wan_yuan": 6, "declared_revenue_wan_yuan": 6, "value_added_wan_yuan": 6,
    "revenue_wan_yuan": 6, "rd_expense_wan_yuan": 6, "employees_average": 2, "energy_tce": 4, "emission_t": 6,
    "power_kwh": 2, "investment_wan_yuan": 6,
}  # fmt: skip


def parcel_figure(
    parcel_use: DataFrame,
    population: DataFrame,
    enterprise: DataFrame,
    enterprise_year: DataFrame,
    projects: DataFrame,
    succession: DataFrame,
    rules: RuleBook,
) -> DataFrame:
    """One row per parcel, user and year; figures are missing where the firm has none, and for users outside the
    directory (villages, individuals)."""
    uses = parcel_use.groupBy("parcel_id", *FIRM, "district_code", "town_code").agg(
        F.max("parcel_area_mu").alias("parcel_area_mu"),
        F.sum("used_area_mu").cast(AMOUNT).alias("used_area_mu"),
        *(
            F.max(F.when(F.col("use_type_code") == code, F.lit(code))).alias(f"as_{code}")
            for code in USE_TYPES
        ),
    )
    # counted by columns: a set for each of the city's uses costs as much as all the rest
    uses = uses.withColumn("use_types", present(*(F.col(f"as_{code}") for code in USE_TYPES)))
    in_all = uses.groupBy(*FIRM).agg(
        F.sum("used_area_mu").cast(AMOUNT).alias("used_in_all"),
        F.sum("parcel_area_mu").cast(AMOUNT).alias("area_in_all"),
    )
    firms = _firms(population, enterprise, enterprise_year, projects, succession, rules)
    lets_all = F.col("used_in_all") <= 0
    share = {name: cut_share(name, digits) for name, digits in SHARED.items()}
    return (
        with_part(uses, in_all, FIRM)
        .transform(with_part, firms, FIRM)
        .withColumns(
            {
                "share_of": F.when(lets_all, F.col("parcel_area_mu")).otherwise(F.col("used_area_mu")),
                "share_in": F.when(lets_all, F.col("area_in_all")).otherwise(F.col("used_in_all")),
                "user_kind_code": _kind(),
                "is_local": F.coalesce(F.col("firm_district") == F.col("district_code"), F.lit(False)),
                "figures_as_of": F.coalesce("figures_as_of", "year"),
            }
        )
        .withColumns(share)
        .withColumn("firm_land_share_pct", F.coalesce(share_pct(F.col("share_of"), F.col("share_in")), F.lit(0)))
        .withColumn("firm_land_share_pct", F.col("firm_land_share_pct").cast("decimal(9,4)"))
        .withColumn("row_id", row_id("parcel_id", *FIRM))
        .select(*contract(TABLE).column_names)
    )  # fmt: skip


def _firms(
    population: DataFrame,
    enterprise: DataFrame,
    enterprise_year: DataFrame,
    projects: DataFrame,
    succession: DataFrame,
    rules: RuleBook,
) -> DataFrame:
    """Firms with land on record: status, district, industry and figures; the fewest rows are hashed first."""
    landed = population.where("land_area_mu is not null").select(*FIRM, "eval_status_code")
    who = enterprise.select(
        *FIRM, "district_code", F.col("district_code").alias("firm_district"), "industry_division_code"
    )
    figures = enterprise_year.drop("district_code", "is_above_scale", "land_area_mu", "row_id")
    components = district_frame(population.sparkSession, rules.items()).select(
        *BY_DISTRICT, "tax_components", "tax_exclusions"
    )
    return (
        with_part(who, landed, FIRM, "inner")
        .transform(lambda firms: with_part(figures, firms, FIRM, "inner"))
        .join(components, BY_DISTRICT, "left")
        .withColumn("tax_contribution_wan_yuan", tax_contribution())
        .join(F.broadcast(_invested(projects, succession)), FIRM, "left")
        .select(
            *FIRM, "firm_district", "eval_status_code", "industry_division_code", "figures_as_of", *SHARED
        )
    )  # fmt: skip


def _invested(projects: DataFrame, succession: DataFrame) -> DataFrame:
    """Investment done in the projects of each firm that the library has in the year's last report, 万元."""
    reported = projects.where("uscc is not null").withColumn("year", F.left("period", F.lit(4)))
    return (
        at_most(reported, ["project_code", "year"], "period")
        .transform(behind, successors(succession))
        .groupBy(*FIRM)
        .agg(F.sum("done_investment_wan_yuan").cast(AMOUNT).alias("investment_wan_yuan"))
    )


def cut_share(figure: str, digits: int, of: str = "share_of", whole: str = "share_in") -> Column:
    """``figure × of / whole`` rounded toward zero at ``digits``; the figure itself where the part is the whole."""
    value = (F.col(figure).cast(AMOUNT) * F.lit(Decimal(10**digits))).cast("decimal(18,0)")
    a, d = ((F.col(c).cast(AMOUNT) * F.lit(Decimal(10**6))).cast("decimal(18,0)") for c in (of, whole))
    part = F.call_function("div", (value * a).cast("decimal(36,0)"), F.when(d > 0, d))
    cut = (part.cast("decimal(19,0)") * F.lit(Decimal(1).scaleb(-digits))).cast("decimal(24,6)")
    return (
        F.when(F.col(of) == F.col(whole), F.col(figure).cast("decimal(24,6)"))
        .otherwise(cut)
        .cast(_TYPES[figure])
    )


_TYPES = {c.name: c.type for c in contract(TABLE).columns}


def _kind() -> Column:
    """Kind of user by the first characters of its credit code (GB 32100-2015)."""
    code = F.col("uscc")
    return (
        F.when(code.startswith("91") | code.startswith("93"), "enterprise")
        .when(code.startswith("92"), "individual")
        .when(code.startswith("N") | code.startswith("54") | code.startswith("55"), "village")
        .otherwise("other")
    )


JOB = Job(
    table=TABLE,
    transform=parcel_figure,
    inputs={
        "parcel_use": Input("core.parcel_use"),
        "population": Input("per_mu.population"),
        "enterprise": Input("core.enterprise"),
        "enterprise_year": Input("core.enterprise_year"),
        "projects": Input("raw.gov_project", "year"),
        "succession": Input("core.succession", "upto"),
    },
    rules=rule_book,
    evidence={
        "core.parcel_use": {"parcel_id": "parcel_id", "uscc": "uscc", "year": "year"},
        "core.enterprise_year": {"uscc": "uscc", "year": "year"},
    },
)
