"""Population 参评企业: the list and status of every enterprise of the directory.

Status, tested in this order: out of scope, exempt 免评, protected 保护期, out of scope for lack of land, data
incomplete, out of scope in a list without evaluation, graded. Sources: lists as in Cixi (慈溪市, four lists);
membership of 规上 with 退规 and 小升规 as in Longyou 2021; tenants as in Cixi, Jiangshan 2023 (draft) or Suichang
2023; protection as in Jiangshan.

The module is one, above 300 lines: the order of the statuses is the rule.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import first_of, materialised, row_id, with_part
from jobs.columns.values import no_texts, present, those_in
from jobs.job import Input, Job
from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.frames import BY_DISTRICT, BY_LIST, figures_used, standing_frame, standing_list_frame
from jobs.per_mu.rules.models import OTHER_INDUSTRIES, WHOLE_LIST
from jobs.per_mu.rules.reading import rule_book
from jobs.per_mu.steps.figures import tax_contribution
from jobs.per_mu.steps.land import overloads, with_limits
from jobs.per_mu.steps.reasons import FEED_FIGURES, LAND_FEEDS
from jobs.per_mu.steps.standing import explain_standing

#: A quarantined record of these feeds casts doubt on the firm's identity or list.
IDENTITY_FEEDS = ("gov_statistics_directory",)
INDUSTRY = ("06", "46")


def population(
    enterprise: DataFrame,
    enterprise_year: DataFrame,
    parcel: DataFrame,
    parcel_use: DataFrame,
    rules: RuleBook,
) -> DataFrame:
    """One row per enterprise of the directory and year: list, status with reasons, unit of evaluation."""
    land = materialised(_held_land(parcel, parcel_use))
    # the status of holders is computed again, for them alone: joining the whole population to itself costs double
    rented_from = land.where("holder_uscc is not null").select(F.col("holder_uscc").alias("uscc"), "year")
    holders = enterprise.join(rented_from.distinct(), ["uscc", "year"], "left_semi")
    return (
        _judged(enterprise, enterprise_year, land, rules)
        .transform(_with_unit, _judged(holders, enterprise_year, land, rules))
        .withColumn("figures_as_of", F.coalesce("figures_as_of", "year"))
        .withColumn("row_id", row_id("uscc", "year", algorithm="sha256"))
        .select(
            "uscc", "year", "district_code", "town_code", "list_code", "ranking_group", "eval_status_code",
            "status_reasons", "protected_until_date", "land_area_mu", "evaluation_uscc", "unit_role_code",
            "figures_as_of", "rule_set_id", "rule_set_hash", "row_id",
        )
    )  # fmt: skip


def _judged(enterprise: DataFrame, enterprise_year: DataFrame, land: DataFrame, rules: RuleBook) -> DataFrame:
    """Firms with their figures, ties to land, rules, list, protection and own status."""
    session = enterprise.sparkSession
    return (
        enterprise.select(
            "uscc", "year", "district_code", "town_code", "industry_code", "industry_division_code",
            "is_above_scale", "directory_change_code", "registered_date", "registration_status_code",
        )
        .transform(with_part, enterprise_year.drop("district_code", "is_above_scale", "row_id"), ["uscc", "year"])
        .join(standing_frame(session, rules.items()), BY_DISTRICT, "left")
        .transform(with_part, land, ["uscc", "year"])
        .withColumn("tax_contribution", tax_contribution())
        .transform(_with_list)
        .join(standing_list_frame(session, rules.items()), BY_LIST, "left")
        .transform(_with_group, rules)
        .transform(_with_protection)
        .transform(with_limits, rules.limits)
        .transform(_with_gaps, [name for name in figures_used(rules.items()) if name != "land_area_mu"])
        .transform(_with_own_status)
    )  # fmt: skip


def _held_land(parcel: DataFrame, parcel_use: DataFrame) -> DataFrame:
    """One row per firm and year with any tie to land: parcels it holds or lets, the holder it rents most from.

    A firm that lets under a sublet is a tenant itself and holds nothing.
    """
    held = (
        parcel.where("owner_uscc is not null")
        .groupBy(F.col("owner_uscc").alias("uscc"), "year")
        .agg(
            F.collect_list(F.struct("supply_mode_code", "acquired_date", "completion_due_date")).alias(
                "held_parcels"
            )
        )
    )
    rented = (
        parcel_use.where("use_type_code in ('lease', 'sublet')")
        .select("uscc", "year", "parcel_id", "use_type_code", "used_area_mu")
        .join(parcel.select("parcel_id", "year", "owner_uscc"), ["parcel_id", "year"], "inner")
        .where("owner_uscc is not null and owner_uscc <> uscc")
        .transform(
            first_of,
            ["uscc", "year"],
            F.col("used_area_mu").desc(),
            F.col("parcel_id"),
            F.col("use_type_code"),
        )
        .select("uscc", "year", F.col("owner_uscc").alias("holder_uscc"))
    )
    lets = (
        parcel_use.where("use_type_code = 'lease' and lessor_uscc is not null")
        .groupBy(F.col("lessor_uscc").alias("uscc"), "year")
        .agg(F.lit(True).alias("lets_own_land"))
    )
    return held.join(rented, ["uscc", "year"], "full").join(lets, ["uscc", "year"], "full")


def _with_list(frame: DataFrame) -> DataFrame:
    """Ranked list: 规上 by the directory, others by the land they use, tenants in a list of their own."""
    change = F.col("directory_change_code")
    above = (
        F.when(change == "dropped", F.coalesce(F.col("dropped_list"), F.lit("above_scale")) == "above_scale")
        .when(change == "upgraded", F.coalesce(F.col("upgraded_list"), F.lit("below_scale")) == "above_scale")
        .otherwise(F.col("is_above_scale"))
    )
    holds = F.col("held_parcels").isNotNull() | F.col("lets_own_land").isNotNull()
    tenant = (F.coalesce("land_own_mu", F.lit(0)) <= 0) & ~holds
    landless = (F.col("land_area_mu") <= 0) & (F.col("zero_land") == "tenant_list")
    large = F.coalesce("land_area_mu", F.lit(0)) >= F.coalesce(F.col("large_land_mu"), F.lit(3))
    return frame.withColumns({"is_above": above, "is_tenant": tenant}).withColumn(
        "list_code",
        F.when(F.col("is_above"), "above_scale")
        .when(tenant | F.coalesce(landless, F.lit(False)), "tenant")
        .when(large, "below_scale_ge3")
        .otherwise("below_scale_lt3"),
    )


def _with_group(frame: DataFrame, rules: RuleBook) -> DataFrame:
    """Group of industries in which the firm is ranked: its longest prefix among those of the list's groups."""
    if not any(r.groups for _, _, one in rules.items() for r in one.lists.values()):
        return frame.withColumn("ranking_group", F.lit(WHOLE_LIST))
    industry = F.coalesce("industry_code", "industry_division_code")
    fits = F.transform("group_prefixes", lambda prefix: F.coalesce(industry.startswith(prefix), F.lit(False)))
    place = F.array_position(fits, F.lit(True)).cast("int")
    return frame.withColumn(
        "ranking_group",
        F.when(F.coalesce(F.size("group_prefixes"), F.lit(0)) <= 0, WHOLE_LIST)
        .when(place > 0, F.get("ranking_groups", place - 1))
        .otherwise(OTHER_INDUSTRIES),
    )


def _with_protection(frame: DataFrame) -> DataFrame:
    """Day until which the firm is new, and day until which all its land is new and not past contractual completion."""
    end = F.to_date(F.concat("year", F.lit("-12-31")))
    firm_until = F.add_months("registered_date", F.col("new_firm_years") * 12)
    land_until = F.transform(
        "held_parcels",
        lambda p: F.when(
            F.array_contains("new_land_modes", p["supply_mode_code"]) & p["acquired_date"].isNotNull(),
            F.least(  # skips nulls: without a due date the years alone count
                F.add_months(p["acquired_date"], F.col("new_land_years") * 12), p["completion_due_date"]
            ),
        ),
    )
    all_new = F.forall("land_until_dates", lambda d: F.coalesce(d > end, F.lit(False)))
    return (
        frame.withColumn("land_until_dates", land_until)
        .withColumns(
            {
                "new_firm_until": F.when(firm_until > end, firm_until),
                "new_land_until": F.when(all_new, F.array_max("land_until_dates")),
            }
        )
        .withColumn(
            "upgraded_floor",
            (F.col("directory_change_code") == "upgraded") & (F.col("upgraded_effect") == "not_below_c"),
        )
    )


def _codes(*pairs: tuple[Column, Column | str]) -> Column:
    """The codes whose condition holds, as an array."""
    return present(*(F.when(c, code if isinstance(code, Column) else F.lit(code)) for c, code in pairs))


def _with_gaps(frame: DataFrame, figures: Sequence[str]) -> DataFrame:
    """Gaps that keep a firm from being graded: missing, zero or quarantined figures, land that is none or too small."""
    watched = F.concat(
        F.coalesce("watched_feeds", no_texts()), F.array(*map(F.lit, (*LAND_FEEDS, *IDENTITY_FEEDS)))
    )
    strict_land = (F.col("zero_land") != "zero_score") & (F.col("list_code") != "tenant")
    tenant_land = (F.col("zero_land") == "data_incomplete") & (F.col("list_code") == "tenant")
    judged, beyond = F.col("impossible_land") == "data_incomplete", overloads()
    land = _codes(
        (F.col("land_area_mu").isNull(), "no_land_use"),
        ((F.col("land_area_mu") <= 0) & (strict_land | tenant_land), "zero_land"),
        (judged & beyond["staff"], "land_too_small:staff"),
        (judged & beyond["value_added"], "land_too_small:value_added"),
        (judged & beyond["tax"], "land_too_small:tax"),
        (F.col("industry_division_code").isNull(), "missing:industry_code"),
    )
    absent = present(*(F.when(F.col(f).isNull(), F.lit(f)) for f in figures))
    idle = present(*(F.when(F.col(f) <= 0, F.lit(f)) for f in figures))
    found = frame.withColumns(
        {
            "absent": F.coalesce(those_in("required_figures", absent), no_texts()),
            "idle": F.coalesce(those_in("positive_figures", idle), no_texts()),
            "doubted": F.coalesce(those_in("quarantined_feeds", watched), no_texts()),
        }
    )
    named = F.array_distinct(
        F.concat(
            F.transform("absent", lambda figure: F.concat(F.lit("missing:"), _absent_feed_or(figure))),
            F.transform("idle", lambda figure: F.concat(F.lit("zero:"), figure)),
            F.transform("doubted", lambda feed: F.concat(F.lit("quarantined:"), feed)),
        )
    )
    # Spark interprets higher-order functions, so only the few firms with gaps evaluate them
    is_named = F.size("absent") + F.size("idle") + F.size("doubted") > 0
    return found.withColumn("gaps", F.concat(F.when(is_named, named).otherwise(no_texts()), land))


def _absent_feed_or(figure: Column) -> Column:
    """The feed behind a figure if the firm has no row in it, else the figure itself."""
    feeds = F.create_map(
        *(F.lit(t) for feed, names in FEED_FIGURES.items() for n in names for t in (n, feed))
    )
    feed = F.try_element_at(feeds, figure)
    return F.when(F.array_contains("missing_feeds", feed), feed).otherwise(figure)


def _with_own_status(frame: DataFrame) -> DataFrame:
    """Status by the firm's own data; following a holder may still change it."""
    division = F.col("industry_division_code")
    code = F.coalesce("industry_code", division)
    prefixes = F.array(*(F.left(code, F.lit(digits)) for digits in (2, 3, 4)))
    exempt_prefix = F.get(those_in("exempt_industries", prefixes), F.lit(0))
    scope = (
        F.when(F.col("rule_set_id").isNull(), "no_rule_set")
        .when((division < INDUSTRY[0]) | (division > INDUSTRY[1]), "not_industry")
        .when(
            F.array_contains("inactive_statuses", F.col("registration_status_code")),
            F.concat(F.lit("registration:"), F.col("registration_status_code")),
        )
    )
    protected = _codes(
        (F.col("new_firm_until").isNotNull() & (F.col("new_firm_effect") == "protected"), "new_firm"),
        (F.col("new_land_until").isNotNull() & (F.col("new_land_effect") == "protected"), "new_land"),
    )
    notes = _codes(
        (F.col("new_firm_until").isNotNull() & (F.col("new_firm_effect") == "not_below_c"), "new_firm"),
        (F.col("new_land_until").isNotNull() & (F.col("new_land_effect") == "not_below_c"), "new_land"),
        (F.col("upgraded_floor"), "upgraded"),
    )
    doubtful_land = F.arrays_overlap(
        F.coalesce("quarantined_feeds", no_texts()), F.array(*map(F.lit, LAND_FEEDS))
    )
    landless = (F.col("list_code") == "tenant") & F.col("land_area_mu").isNull() & ~doubtful_land
    return (
        frame.withColumns(
            {"scope": scope, "exempt_prefix": exempt_prefix, "protected": protected, "notes": notes}
        )
        .withColumn(
            "own_status",
            F.when(F.col("scope").isNotNull(), "out_of_scope")
            .when(F.col("exempt_prefix").isNotNull(), "exempt")
            .when(F.size("protected") > 0, "protected")
            .when(landless, "no_land_use")
            .when(F.size("gaps") > 0, "data_incomplete")
            .when(F.col("watched_feeds").isNull(), "list_not_evaluated")
            .otherwise("graded"),
        )
    )  # fmt: skip


def _with_unit(frame: DataFrame, judged_holders: DataFrame) -> DataFrame:
    """Unit of evaluation: the firm itself, or the holder of the parcel if the rule set lets tenants follow it."""
    scale = F.when(F.col("is_above"), "above_scale").otherwise("below_scale")
    follows = (
        F.col("is_tenant")
        & F.col("tenant_mode").isin("inherit", "merge")
        & F.array_contains("tenant_scales", scale)
        & F.col("own_status").isin("data_incomplete", "list_not_evaluated", "graded")
        & F.coalesce(F.col("land_area_mu") < F.col("tenant_apart_mu"), F.lit(True))
    )
    holders = judged_holders.where("own_status = 'graded' and not is_tenant").select(
        F.col("uscc").alias("holder_uscc"), "year", "district_code", F.lit(True).alias("is_holder_graded")
    )
    found = F.coalesce("is_holder_graded", F.lit(False))
    # Merging an incomplete tenant would understate the unit: it stays apart as incomplete.
    mergeable = F.col("own_status") != "data_incomplete"
    return (
        frame.withColumn("follows", F.coalesce(follows, F.lit(False)))
        .withColumn("holder_uscc", F.when(F.col("follows"), F.col("holder_uscc")))
        .join(holders, ["holder_uscc", "year", "district_code"], "left")
        .withColumn(
            "unit_role_code",
            F.when(found & (F.col("tenant_mode") == "inherit"), "inherits")
            .when(found & mergeable, "merged")
            .otherwise("own"),
        )
        .withColumns(
            {
                "evaluation_uscc": F.when(F.col("unit_role_code") != "own", F.col("holder_uscc")).otherwise(
                    F.col("uscc")
                ),
                "eval_status_code": F.when(F.col("unit_role_code") != "own", "graded")
                .when(F.col("own_status").isin("no_land_use", "list_not_evaluated"), "out_of_scope")
                .otherwise(F.col("own_status")),
            }
        )
        .withColumns({"status_reasons": _reasons(), "protected_until_date": _protected_until()})
    )


def _reasons() -> Column:
    apart = _codes((F.col("follows") & (F.col("unit_role_code") == "own"), "landlord_not_evaluated"))
    return (
        F.when(F.col("eval_status_code") == "graded", F.concat("notes", apart))
        .when(F.col("scope").isNotNull(), present(F.col("scope")))
        .when(F.col("own_status").isin("no_land_use", "list_not_evaluated"), present(F.col("own_status")))
        .when(F.col("own_status") == "exempt", present(F.concat(F.lit("industry:"), F.col("exempt_prefix"))))
        .when(F.col("own_status") == "protected", F.col("protected"))
        .otherwise(F.col("gaps"))
    )


def _protected_until() -> Column:
    """The later end of the protections among the status reasons."""
    return F.when(
        F.col("eval_status_code") == "protected",
        F.greatest(
            F.when(F.array_contains("protected", "new_firm"), F.col("new_firm_until")),
            F.when(F.array_contains("protected", "new_land"), F.col("new_land_until")),
        ),
    )


JOB = Job(
    table="per_mu.population",
    transform=population,
    inputs={
        "enterprise": Input("core.enterprise"),
        "enterprise_year": Input("core.enterprise_year"),
        "parcel": Input("core.parcel"),
        "parcel_use": Input("core.parcel_use"),
    },
    rules=rule_book,
    evidence={
        "core.enterprise": {"uscc": "uscc", "year": "year"},
        "core.enterprise_year": {"uscc": "uscc", "year": "year"},
        "core.parcel_use": {"uscc": "uscc", "year": "year"},
    },
    explain=explain_standing,
)
