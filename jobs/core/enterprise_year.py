"""企业年度数据 Enterprise figures by year: every feed's figures for the directory's firms.

Months are summed (tax, electricity, water, customs), averaged (insured persons), or already cumulative (monthly
statistics: the year's last month is used). Missing stays missing.

The module is one, above 300 lines: it is a list of feeds, each with the way its figures become those of a year.

Rows under the code of an absorbed firm, a former code or a branch count for the enterprise behind it
(``jobs/core/steps/identity.py``). Statistics and energy do not: each firm of the directory reports its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.rows import at_most, row_id, with_part
from jobs.columns.values import no_texts, present
from jobs.core.steps.identity import behind, successors
from jobs.core.steps.permits import OBLIGING, permits
from jobs.job import Input, Job
from schemas.contract import FEED_COLUMNS, code_list, contract

TABLE = "core.enterprise_year"
TYPES = {c.name: c.type for c in contract(TABLE).columns}

STATISTICS = [
    c for c in contract("raw.gov_statistics_annual").column_names if c not in (*FEED_COLUMNS, "uscc")
]
TAXES = [c for c in contract("raw.gov_tax").column_names if c not in (*FEED_COLUMNS, "uscc")]
TAX_COMPONENTS = [c for c in TAXES if c.startswith("tax_")]
#: Column → kind of tax that the evaluation may leave out.
EXCLUSIONS = {f"tax_excluded_{code}_wan_yuan": code for code in code_list("tax_exclusion")}
INVESTMENT = "technical_investment_wan_yuan"
POLLUTANTS = ["cod_t", "nh3n_t", "so2_t", "nox_t"]
#: Column → direction of trade.
DIRECTIONS: Mapping[str, str] = {"customs_export_wan_yuan": "export", "customs_import_wan_yuan": "import"}


def enterprise_year(
    enterprises: DataFrame,
    uses: DataFrame,
    annual: DataFrame,
    monthly: DataFrame,
    tax: DataFrame,
    excluded: DataFrame,
    electricity: DataFrame,
    energy: DataFrame,
    emission: DataFrame,
    permit: DataFrame,
    insurance: DataFrame,
    water: DataFrame,
    customs: DataFrame,
    patents: DataFrame,
    refused: DataFrame,
    succession: DataFrame,
) -> DataFrame:
    """One row per enterprise and year of the directory."""
    spans = successors(succession)
    parts = {
        "gov_statistics": statistics(annual, monthly),
        "gov_tax": totals(behind(tax, spans), TAXES),
        "gov_tax_excluded": totals(behind(by_kind(excluded), spans), EXCLUSIONS),
        "gov_electricity": totals(behind(electricity, spans), ["power_kwh"]),
        "gov_energy": totals(energy, ["energy_tce", "energy_calorific_tce"]),
        "gov_emission": emissions(behind(emission, spans)),
        "gov_discharge_permit": permits(behind(permit, spans)),
        "gov_social_insurance": insured(behind(insurance, spans)),
        "gov_water": totals(behind(water, spans), ["water_m3"]),
        "gov_customs": totals(behind(by_direction(customs), spans), DIRECTIONS),
        "gov_patent": behind(in_force(patents, enterprises), spans, period="year").transform(patent_counts),
        "land": land(uses),
    }
    rows = enterprises.select("uscc", "year", "district_code", "is_above_scale", "known_at")
    for name, part in parts.items():
        # a part has some tens of MB: a hash join need not sort it, nor the directory
        known = part.withColumnRenamed("known_at", f"known_{name}").hint("shuffle_hash")
        rows = with_part(rows, known, ["uscc", "year"])
    return (
        with_part(rows, quarantined(behind(refused, spans)), ["uscc", "year"])
        .join(F.broadcast(last_months(annual, monthly, tax)), "year", "left")
        .withColumn("figures_as_of", F.coalesce("last_month", "year"))
        .withColumn("missing_feeds", missing_feeds())
        .withColumn("quarantined_feeds", doubtful_feeds())
        .withColumn("known_at", F.greatest("known_at", *(f"known_{name}" for name in parts)))
        .withColumn("valid_from_date", F.make_date(F.col("year").cast("int"), F.lit(1), F.lit(1)))
        .withColumn("valid_to_date", F.make_date(F.col("year").cast("int"), F.lit(12), F.lit(31)))
        .withColumn("row_id", row_id("uscc", "year"))
        .select(*contract(TABLE).column_names)
    )


def by_year(feed: DataFrame, *figures: Column) -> DataFrame:
    """A feed's figures for each firm and year, with the latest ``known_at``."""
    return feed.groupBy("uscc", F.left("period", F.lit(4)).alias("year")).agg(
        *figures, F.max("known_at").alias("known_at")
    )


def totals(feed: DataFrame, columns: Iterable[str]) -> DataFrame:
    """Sums over a firm's periods and accounts; a column without any value stays missing."""
    return by_year(feed, *(F.sum(c).cast(TYPES[c]).alias(c) for c in columns))


def paid() -> Column:
    """Sum of all components of the tax paid, 万元; zero where none is on record."""
    return reduce(add, (F.coalesce(c, F.lit(0)) for c in TAX_COMPONENTS))


def insured(feed: DataFrame) -> DataFrame:
    """Insured persons averaged over the year's periods, rounded half up; an enterprise's codes are summed."""
    # each month sets a bit, a row of the year as a whole the lowest: set bits are periods in which any code has a row
    month = F.coalesce(F.substring("period", 6, 2).try_cast("int"), F.lit(0))
    periods = F.bit_count(F.bit_or(F.call_function("shiftleft", F.lit(1), month)))
    return (
        by_year(feed, F.sum("insured_count").alias("persons"), periods.alias("periods"))
        .withColumn(
            "insured_count", F.expr("(2 * persons + periods) div (2 * periods)").cast(TYPES["insured_count"])
        )
        .drop("persons", "periods")
    )


def by_kind(excluded: DataFrame) -> DataFrame:
    """Taxes that the evaluation may leave out, each kind in its column."""
    kind, amount = F.col("tax_exclusion_code"), F.col("tax_excluded_wan_yuan")
    return excluded.withColumns({column: F.when(kind == code, amount) for column, code in EXCLUSIONS.items()})


def by_direction(customs: DataFrame) -> DataFrame:
    """Customs values as exports and imports."""
    direction = F.col("trade_direction_code")
    return customs.withColumns(
        {
            column: F.when(direction == code, F.col("customs_value_wan_yuan"))
            for column, code in DIRECTIONS.items()
        }
    )


def in_force(patents: DataFrame, enterprises: DataFrame) -> DataFrame:
    """Each patent's state at the end of each year: as last reported by then."""
    told = Window.partitionBy("patent_code").orderBy("told", "period")
    states = patents.withColumn("told", F.left("period", F.lit(4))).withColumn(
        "replaced", F.lead("told").over(told)
    )
    years = F.broadcast(enterprises.select("year").distinct())
    stands = (F.col("told") <= F.col("year")) & (
        F.col("replaced").isNull() | (F.col("year") < F.col("replaced"))
    )
    return states.join(years, stands, "inner")


def patent_counts(states: DataFrame) -> DataFrame:
    """Patents of each firm and year: applied for and granted in it, in force at its end."""
    is_valid = F.col("patent_status_code") == "granted"
    counted = {
        "patents_applied_count": F.year("applied_date") == F.col("year").cast("int"),
        "patents_granted_count": F.year("granted_date") == F.col("year").cast("int"),
        "inventions_valid_count": is_valid & (F.col("patent_kind_code") == "invention"),
        "patents_valid_count": is_valid,
    }
    return states.groupBy("uscc", "year").agg(
        *(F.count_if(condition).cast(TYPES[name]).alias(name) for name, condition in counted.items()),
        F.max("known_at").alias("known_at"),
    )


def statistics(annual: DataFrame, monthly: DataFrame) -> DataFrame:
    """The annual report; for a year without one, the last cumulative month. ``is_annual`` says which."""
    # technical investment is reported once a year
    monthly = monthly.withColumn(INVESTMENT, F.lit(None).cast(TYPES[INVESTMENT]))
    months, years = (
        at_most(feed.withColumn("year", F.left("period", F.lit(4))), ["uscc", "year"], "period").select(
            "uscc", "year", *STATISTICS, "known_at"
        )
        for feed in (monthly, annual)
    )
    only_months = months.join(years.select("uscc", "year"), ["uscc", "year"], "left_anti")
    return years.withColumn("is_annual", F.lit(True)).unionByName(
        only_months.withColumn("is_annual", F.lit(False))
    )


def last_months(annual: DataFrame, monthly: DataFrame, tax: DataFrame) -> DataFrame:
    """Years whose figures reach only to a month, with that month: they have no annual report and no December yet.

    The month is the last one of the monthly statistics, or of tax in a year without statistics. It holds for the whole
    year: a ranking compares its firms, so one whose report is late does not make it complete.
    """
    year, month = F.left("period", F.lit(4)).alias("year"), F.when(F.length("period") == 7, F.col("period"))
    known = [
        feed.select(year, month.alias("month")).distinct().withColumn("kind", F.lit(kind))
        for kind, feed in (("annual", annual), ("monthly", monthly), ("tax", tax))
    ]
    last = {kind: F.max(F.when(F.col("kind") == kind, F.col("month"))) for kind in ("monthly", "tax")}
    return (
        known[0].unionByName(known[1]).unionByName(known[2])
        .groupBy("year")
        .agg(
            F.max(F.col("kind") == "annual").alias("has_report"),
            F.coalesce(last["monthly"], last["tax"]).alias("last_month"),
        )
        .where("NOT has_report AND last_month IS NOT NULL AND right(last_month, 2) <> '12'")
        .drop("has_report")
    )  # fmt: skip


def emissions(emission: DataFrame) -> DataFrame:
    """主要污染物排放量: each of the main pollutants, and their sum."""
    total = sum((F.coalesce(c, F.lit(0)) for c in POLLUTANTS), F.lit(0))
    return totals(emission.withColumn("emission_t", total), ["emission_t", *POLLUTANTS])


def land(uses: DataFrame) -> DataFrame:
    """用地面积: own use plus leased land; land let to others has a column of its own."""
    used = uses.groupBy("uscc", "year").agg(
        F.sum("used_area_mu").cast(TYPES["land_area_mu"]).alias("land_area_mu"),
        F.sum(F.when(F.col("use_type_code") == "own", F.col("used_area_mu")))
        .cast(TYPES["land_own_mu"])
        .alias("land_own_mu"),
        F.sum(F.when(F.col("use_type_code") != "own", F.col("used_area_mu")))
        .cast(TYPES["land_lease_mu"])
        .alias("land_lease_mu"),
        F.max("known_at").alias("known_at"),
    )
    let = (
        uses.where("lessor_uscc IS NOT NULL AND use_type_code <> 'own'")
        .groupBy(F.col("lessor_uscc").alias("uscc"), "year")
        .agg(F.sum("used_area_mu").cast(TYPES["land_let_mu"]).alias("land_let_mu"))
    )
    return used.join(let, ["uscc", "year"], "full")


def quarantined(refused: DataFrame) -> DataFrame:
    """Feeds in which a firm's record of the year was quarantined."""
    # the first row of a repeated key was accepted, so no figure is lost
    return (
        refused.where("uscc IS NOT NULL AND NOT array_contains(reasons, 'key:duplicate')")
        .groupBy("uscc", F.left("period", F.lit(4)).alias("year"))
        .agg(F.array_sort(F.collect_set("feed")).alias("quarantined_feeds"))
    )


def doubtful_feeds() -> Column:
    """Feeds whose quarantined records cast doubt on the year's figures; months do not once the year is reported."""
    feeds = F.coalesce("quarantined_feeds", no_texts())
    return F.when(F.col("is_annual"), F.array_remove(feeds, "gov_statistics_monthly")).otherwise(feeds)


def missing_feeds() -> Column:
    """Feeds in which a firm should have a row and has none; statistics and energy cover 规上 only.

    A firm with a discharge permit of an obliging class reports its emissions (排污许可管理条例, article 22).
    """
    above = F.col("is_above_scale")
    expected = {
        "gov_electricity": F.lit(True),
        "gov_emission": F.col("permit_class_code").isin(*OBLIGING),
        "gov_energy": above,
        "gov_social_insurance": F.lit(True),
        "gov_statistics": above,
        "gov_tax": F.lit(True),
    }
    absent = (F.when(due & F.col(f"known_{feed}").isNull(), F.lit(feed)) for feed, due in expected.items())
    return present(*absent)


JOB = Job(
    table=TABLE,
    transform=enterprise_year,
    inputs={
        "enterprises": Input("core.enterprise"),
        "uses": Input("core.parcel_use"),
        "annual": Input("raw.gov_statistics_annual"),
        "monthly": Input("raw.gov_statistics_monthly", "year"),
        "tax": Input("raw.gov_tax", "year"),
        "excluded": Input("raw.gov_tax_excluded"),
        "electricity": Input("raw.gov_electricity", "year"),
        "energy": Input("raw.gov_energy"),
        "emission": Input("raw.gov_emission"),
        "permit": Input("raw.gov_discharge_permit", "upto"),
        "insurance": Input("raw.gov_social_insurance", "year"),
        "water": Input("raw.gov_water", "year"),
        "customs": Input("raw.gov_customs", "year"),
        "patents": Input("raw.gov_patent", "upto"),
        "refused": Input("quarantine.record", "year"),
        "succession": Input("core.succession", "upto"),
    },
    evidence={
        "core.enterprise": {"uscc": "uscc", "year": "year"},
        "core.parcel_use": {"uscc": "uscc", "year": "year"},
        "raw.gov_statistics_annual": {"uscc": "uscc", "period": "year"},
        "raw.gov_statistics_monthly": {"uscc": "uscc", "period": "year"},
        "raw.gov_tax": {"uscc": "uscc", "period": "year"},
        "raw.gov_tax_excluded": {"uscc": "uscc", "period": "year"},
        "raw.gov_electricity": {"uscc": "uscc", "period": "year"},
        "raw.gov_energy": {"uscc": "uscc", "period": "year"},
        "raw.gov_emission": {"uscc": "uscc", "period": "year"},
        "raw.gov_discharge_permit": {"uscc": "uscc", "period": "year"},
        "raw.gov_social_insurance": {"uscc": "uscc", "period": "year"},
        "raw.gov_water": {"uscc": "uscc", "period": "year"},
        "raw.gov_customs": {"uscc": "uscc", "period": "year"},
        "raw.gov_patent": {"uscc": "uscc"},
        "core.succession": {"to_uscc": "uscc"},
        "quarantine.record": {"uscc": "uscc", "period": "year"},
    },
)
