"""宗地使用 Uses of parcels: who uses how much of each parcel; all uses together never exceed the parcel.

An absorbed user or lessor, or a branch, is replaced by the enterprise behind it: uses under several of its codes are
summed, and land that it lets to itself is its own use.

The rules, in order:
1. A tenant's land is its surveyed land, else its share of the parcel's floor area.
2. A surveyed use that is larger than its parcel is itself the fault, as square metres written as mu are: it has its
   share of the floor area, else what the others leave, an own user at most the parcel (flag larger_than_parcel). The
   others keep theirs.
3. Land that a tenant sublets counts for the subtenant only.
4. Tenants allotted more than the parcel together are scaled down in proportion (flag over_allotted).
5. The rest is the holder's, used or idle. Without a known holder, the users surveyed as own users share it.
"""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.arithmetic import rounded_div
from jobs.columns.rows import materialised, row_id, with_part
from jobs.columns.values import flags
from jobs.core.steps.identity import behind, present_district, successors
from jobs.core.steps.towns import with_town
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.parcel_use"
PARCEL = ["parcel_id", "year"]
AREA = "decimal(18,6)"
TYPES = {c.name: c.type for c in contract("raw.gov_land_survey").columns}
#: Survey and register are measured separately; a difference below this share gets no flag.
TOLERANCE = 0.01
MILLIONTH = Decimal("0.000001")


def parcel_use(parcels: DataFrame, survey: DataFrame, succession: DataFrame) -> DataFrame:
    """One row per parcel, user, kind of use and year."""
    uses = materialised(surveyed_uses(parcels, by_enterprise(survey, succession)))
    tenants = uses.where("use_type_code <> 'own'").transform(without_sublets).transform(fit_into_parcel)
    holders = own_uses(parcels, uses, tenants)
    columns = contract(TABLE).column_names
    return (
        tenants.unionByName(holders, allowMissingColumns=True)
        .withColumn("row_id", row_id("parcel_id", "uscc", "use_type_code", "year"))
        .select(*columns)
    )


MEASURED = ("surveyed_area_mu", "floor_area_m2", "floor_share_pct")


def by_enterprise(survey: DataFrame, succession: DataFrame) -> DataFrame:
    """One row for each parcel, enterprise and kind of use.

    Of two rows of a code and kind the latest counts; rows of several codes of an enterprise are summed.
    """
    spans = successors(succession)
    is_moved = (F.col("uscc") != F.col("sent_uscc")) | (F.col("lessor_uscc") != F.col("sent_lessor"))
    of_itself = F.coalesce((F.col("uscc") == F.col("lessor_uscc")) & is_moved, F.lit(False))
    named = (
        survey.withColumns({"sent_uscc": F.col("uscc"), "sent_lessor": F.col("lessor_uscc")})
        .transform(behind, spans)
        .transform(behind, spans, "lessor_uscc")
        .withColumn("use_type_code", F.when(of_itself, "own").otherwise(F.col("use_type_code")))
        .withColumn("lessor_uscc", F.when(~of_itself, F.col("lessor_uscc")))
    )
    key = ["parcel_id", "uscc", "use_type_code", "period"]
    named = materialised(named)
    several = named.groupBy(*key).count().where("count > 1").select(*key)
    alone = named.join(several, key, "left_anti")
    together = named.join(several, key, "left_semi").transform(_of_one_enterprise, key)
    return alone.unionByName(together).select(*named.columns)


def _of_one_enterprise(rows: DataFrame, key: list[str]) -> DataFrame:
    """One row from several of one use: of an enterprise's several codes, or of one code reported twice."""
    latest = Window.partitionBy(*key).orderBy(
        "sent_uscc", F.col("known_at").desc(), "delivery_id", "source_row"
    )
    counts = F.coalesce(F.lag("sent_uscc").over(latest) != F.col("sent_uscc"), F.lit(True))
    everything = latest.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    return (
        rows.withColumns({"_counts": counts, "_place": F.row_number().over(latest)})
        .withColumns(
            {c: F.sum(F.when(F.col("_counts"), F.col(c))).over(everything).cast(TYPES[c]) for c in MEASURED}
        )
        .where("_place = 1")
        .drop("_counts", "_place")
    )


def surveyed_uses(parcels: DataFrame, survey: DataFrame) -> DataFrame:
    """Survey rows with their parcel.

    A use of a parcel that the register lacks is kept; the sum of its surveyed land then serves as the parcel's area.
    """
    land = parcels.select(
        "parcel_id", "year", "district_code", F.col("town_code").alias("parcel_town"), "parcel_area_mu",
        "owner_uscc", F.col("known_at").alias("parcel_known_at"), F.lit(True).alias("is_registered"),
    )  # fmt: skip
    area = F.col("parcel_area_mu")
    surveyed = survey.withColumn("year", F.col("period"))
    sums = surveyed.groupBy(*PARCEL).agg(
        F.sum("floor_area_m2").cast("decimal(18,2)").alias("floors"),
        F.sum("surveyed_area_mu").alias("surveyed_in_all"),
        F.sum(F.when(F.col("use_type_code") == "own", F.col("surveyed_area_mu"))).alias("own_surveyed"),
    )
    is_larger = F.coalesce("is_registered", F.lit(False)) & F.coalesce(
        F.col("surveyed_area_mu") > area * (1 + TOLERANCE), F.lit(False)
    )
    # an own user may have the whole parcel; a tenant without any other measure gets what is left, later
    at_most = F.when(F.col("use_type_code") == "own", area)
    return (
        with_part(surveyed, sums, PARCEL)
        .transform(with_part, land, PARCEL)
        .withColumn("parcel_area_mu", F.coalesce(area, "surveyed_in_all", F.lit(0)).cast(AREA))
        .withColumn(
            "by_floor",
            F.coalesce(
                # a product of more than 38 digits would be rounded twice
                F.round(
                    area * F.col("floor_share_pct") * F.lit(Decimal("0.01")).cast("decimal(2,2)"), 6
                ).cast(AREA),
                part_of("parcel_area_mu", "floor_area_m2", "floors"),
            ),
        )
        .withColumn("is_larger", is_larger)
        .withColumn(
            "stated_mu",
            F.when(is_larger, F.coalesce(F.col("by_floor"), at_most, F.lit(0)))
            .otherwise(F.coalesce("surveyed_area_mu", "by_floor", F.lit(0)))
            .cast(AREA),
        )
        .withColumn(
            "district_code", F.coalesce("district_code", present_district(F.left("parcel_id", F.lit(6))))
        )
        .transform(with_town, "reported_town")
        .withColumn(
            "town_code", F.when(F.col("is_registered"), F.col("parcel_town")).otherwise(F.col("town_code"))
        )
        .withColumn("known_at", F.greatest("known_at", "parcel_known_at"))
        .drop("floors", "surveyed_in_all")
    )


def without_sublets(tenants: DataFrame) -> DataFrame:
    """Subtract the land that each tenant sublets from its own."""
    sublet = (
        tenants.where("use_type_code = 'sublet'")
        .groupBy("parcel_id", "year", F.col("lessor_uscc").alias("uscc"))
        .agg(F.sum("stated_mu").alias("sublet_mu"))
    )
    rest = F.greatest(F.lit(0), F.col("stated_mu") - F.coalesce("sublet_mu", F.lit(0)))
    # what a subtenant sublets is not subtracted: the survey names one lessor only
    return tenants.join(sublet, ["parcel_id", "year", "uscc"], "left").withColumn(
        "net_mu", F.when(F.col("use_type_code") == "lease", rest).otherwise(F.col("stated_mu")).cast(AREA)
    )


def fit_into_parcel(tenants: DataFrame) -> DataFrame:
    """Scale down the tenants of a parcel let to more than 100 %; rounded down, so the sum fits the parcel.

    Uses larger than the parcel, of which nothing else is known, share what the holder and the other tenants leave.
    """
    unmeasured = F.col("is_larger") & F.col("by_floor").isNull()
    let = tenants.groupBy(*PARCEL).agg(
        F.sum("net_mu").alias("let_mu"),
        F.sum(F.when(unmeasured, F.col("surveyed_area_mu"))).alias("unmeasured_mu"),
    )
    scaled = cut_part_of("parcel_area_mu", "net_mu", "let_mu")
    over = F.col("let_mu") > F.col("parcel_area_mu")
    left = F.col("parcel_area_mu") - F.col("let_mu") - F.coalesce("own_surveyed", F.lit(0))
    return (
        with_part(tenants, let, PARCEL)
        .withColumn("left_mu", F.greatest(F.lit(0), left).cast(AREA))
        .withColumn(
            "used_area_mu",
            F.when(unmeasured, cut_part_of("left_mu", "surveyed_area_mu", "unmeasured_mu"))
            .when(over, scaled)
            .otherwise(F.col("net_mu"))
            .cast(AREA),
        )
        .withColumn(
            "land_flags",
            flags(
                by_floor_area=F.col("surveyed_area_mu").isNull(),
                larger_than_parcel=F.col("is_larger"),
                over_allotted=over & ~unmeasured,
                unknown_parcel=F.col("is_registered").isNull(),
            ),
        )
    )


def part_of(area: str, claim: str, claims: str) -> Column:
    """``area x claim / claims`` in mu, rounded half up; missing unless ``claims`` is above zero."""
    n, d = _parts(area, claim, claims)
    return (rounded_div(n, d) * F.lit(MILLIONTH)).cast(AREA)


def cut_part_of(area: str, claim: str, claims: str) -> Column:
    """The same rounded down, so that all parts together do not exceed the area."""
    n, d = _parts(area, claim, claims)
    return (F.call_function("div", n, F.when(d > 0, d)) * F.lit(MILLIONTH)).cast(AREA)


def _parts(area: str, claim: str, claims: str) -> tuple[Column, Column]:
    """``area x claim`` and ``claims``, each factor in millionths (of mu or m²)."""
    a, n, d = (
        (F.col(c).cast(AREA) * F.lit(Decimal(1_000_000))).cast("decimal(18,0)") for c in (area, claim, claims)
    )
    return (a * n).cast("decimal(36,0)"), d


def own_uses(parcels: DataFrame, uses: DataFrame, tenants: DataFrame) -> DataFrame:
    """The rest of each parcel as its holder's use; without a known holder, as that of the surveyed own users."""
    let = tenants.groupBy("parcel_id", "year").agg(
        F.sum("used_area_mu").alias("taken_mu"), F.max("let_mu").alias("let_mu")
    )
    own = uses.where("use_type_code = 'own'").select(
        "parcel_id",
        "year",
        "uscc",
        "stated_mu",
        "surveyed_area_mu",
        "floor_share_pct",
        "known_at",
        "is_larger",
    )
    rest = parcels.join(let, ["parcel_id", "year"], "left").withColumn(
        "rest_mu", (F.col("parcel_area_mu") - F.coalesce("taken_mu", F.lit(0))).cast(AREA)
    )
    stated = F.coalesce("stated_mu", F.lit(0))
    larger = F.coalesce("is_larger", F.lit(False))
    over = ~larger & (F.coalesce("let_mu", F.lit(0)) + stated > F.col("parcel_area_mu") * (1 + TOLERANCE))
    differs = F.abs(F.col("stated_mu") - F.col("rest_mu")) > F.col("parcel_area_mu") * TOLERANCE
    held = (
        rest.where("owner_uscc IS NOT NULL")
        .withColumnRenamed("known_at", "parcel_known_at")
        .join(own.withColumnRenamed("uscc", "owner_uscc"), ["parcel_id", "year", "owner_uscc"], "left")
        .withColumn("known_at", F.greatest("known_at", "parcel_known_at"))
        .withColumn("uscc", F.col("owner_uscc"))
        .withColumn("used_area_mu", F.col("rest_mu"))
        .withColumn(
            "land_flags",
            flags(larger_than_parcel=larger, over_allotted=over, survey_differs=differs & ~over & ~larger),
        )
    )
    together = F.sum("stated_mu").over(Window.partitionBy("parcel_id", "year"))
    share = cut_part_of("rest_mu", "stated_mu", "claimed_mu")
    unheld = (
        rest.where("owner_uscc IS NULL")
        .drop("known_at")
        .join(own, ["parcel_id", "year"], "inner")
        .withColumn("claimed_mu", together)
        .withColumn(
            "used_area_mu",
            F.when(F.col("claimed_mu") > F.col("rest_mu"), share).otherwise(F.col("stated_mu")).cast(AREA),
        )
        .withColumn(
            "land_flags",
            flags(
                larger_than_parcel=F.col("is_larger"),
                no_holder=F.lit(True),
                over_allotted=F.col("claimed_mu") > F.col("rest_mu") * (1 + TOLERANCE),
            ),
        )
    )
    columns = [
        "parcel_id", "year", "uscc", "district_code", "town_code", "parcel_area_mu", "surveyed_area_mu",
        "floor_share_pct", "used_area_mu", "land_flags", "known_at",
    ]  # fmt: skip
    return (
        held.select(*columns).unionByName(unheld.select(*columns)).withColumn("use_type_code", F.lit("own"))
    )


JOB = Job(
    table=TABLE,
    transform=parcel_use,
    inputs={
        "parcels": Input("core.parcel"),
        "survey": Input("raw.gov_land_survey"),
        "succession": Input("core.succession", "upto"),
    },
    evidence={
        "core.parcel": {"parcel_id": "parcel_id", "year": "year"},
        "raw.gov_land_survey": {"parcel_id": "parcel_id", "period": "year"},
        "core.succession": {"to_uscc": "uscc"},
    },
)
