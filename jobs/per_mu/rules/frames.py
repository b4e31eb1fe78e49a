"""Rule sets as small tables, joined by district, year and list, so that one query plan serves all rule sets."""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import DataFrame, SparkSession

from jobs.columns.rows import literal_table
from jobs.per_mu.rules.models import Indicator, IndicatorDefinition, RuleSet, indicator_definitions

Items = list[tuple[str, str, RuleSet]]
BY_DISTRICT = ["district_code", "year"]
BY_LIST = ["district_code", "year", "list_code"]
#: Units that are ranked together: those of a list, or of a group of its industries.
BY_GROUP = [*BY_LIST, "ranking_group"]

_RULE = "district_code string, year string, rule_set_id string, rule_set_hash string"

#: What a firm's list, status, unit and tax follow from.
_STANDING = """upgraded_list string, dropped_list string, large_land_mu decimal(18,6), exempt_industries
array<string>, inactive_statuses array<string>, zero_land string, impossible_land string, new_firm_years int,
new_firm_effect string, new_land_years int, new_land_effect string, new_land_modes
array<string>, upgraded_effect string, tenant_mode string, tenant_scales array<string>,
tenant_apart_mu decimal(18,6), tax_components array<string>, tax_exclusions array<string>"""

_SCORING = """rule_source string, cap_ratio decimal(18,6), floor decimal(18,6), zero_negative boolean,
value_scale int, score_scale int, rounding_mode string, bonus_cap decimal(9,4), penalty_cap decimal(9,4),
veto_overrides boolean, giant_share decimal(9,6), giant_times_median decimal(9,6), giant_from_units int,
giant_reporting_share decimal(9,6)"""

_PLACE = "district_code string, year string, list_code string"

_STANDING_OF_LIST = """group_prefixes array<string>, ranking_groups array<string>, required_figures array<string>,
positive_figures array<string>, watched_feeds array<string>"""

_SEATS = """list_place int, share_a decimal(9,6), share_b
decimal(9,6), share_d decimal(9,6), round_a string, round_b string, round_d string, count_exempt
boolean, count_protected boolean, edge string, refill boolean, vetoed_in_d boolean, carry boolean"""

_INDICATOR = """district_code string, year string, list_code string, ranking_group string, indicator_code string, weight
decimal(9,4), scoring_code string, least_share decimal(3,2), missing_policy string, withheld_policy string,
owed_figure string, method_code string, fixed_value decimal(24,6), factor decimal(18,6), rule_giants string,
numerator_place int, denominator_place int, denominator_factor decimal(9,6)"""

_EVENT = """district_code string, year string, rule_set_id string, is_honour boolean, event_code string,
level_code string, adjustment_kind_code string, adjustment_code string, points decimal(9,4),
effect_code string, repaired_effect_code string, category string"""


def district_frame(session: SparkSession, items: Items) -> DataFrame:
    """One row per district and year: the parameters that hold for all lists."""
    rows = [(d, y, r.id, r.hash, *_standing(r), *_scoring(r)) for d, y, r in items]
    return literal_table(session, rows, f"{_RULE}, {_STANDING}, {_SCORING}")


def standing_frame(session: SparkSession, items: Items) -> DataFrame:
    """The parameters of :func:`district_frame` that say which firms are judged, in which list and unit."""
    rows = [(d, y, r.id, r.hash, *_standing(r)) for d, y, r in items]
    return literal_table(session, rows, f"{_RULE}, {_STANDING}")


def standing_rules(r: RuleSet) -> tuple[object, ...]:
    """Everything in a rule set that population and units of evaluation follow from."""
    return (*_standing(r), [(code, *_standing_of_list(r, code)) for code in r.lists])


def _standing(r: RuleSet) -> tuple[object, ...]:
    firm, land = r.protection.new_firm, r.protection.new_land
    return (
        r.upgraded_list, r.dropped_list, r.large_land_mu, list(r.exempt_industries),
        list(r.inactive_statuses), r.zero_land, r.impossible_land, firm.years if firm else None,
        firm.effect if firm else None,
        land.years if land else None, land.effect if land else None,
        list(land.supply_modes) if land else None, r.protection.upgraded, r.tenants.mode,
        list(r.tenants.applies_to), r.tenants.apart_from_land_mu, list(r.tax_components), list(r.tax_exclusions),
    )  # fmt: skip


def _scoring(r: RuleSet) -> tuple[object, ...]:
    return (
        r.source, r.cap_ratio, r.floor, r.negative_value_added == "zero_score", r.rounding.value_scale,
        r.rounding.score_scale, r.rounding.mode, r.bonus_cap, r.penalty_cap, r.protection.veto_overrides,
        r.giant_share, r.giant_times_median, r.giant_from_units,
        r.giant_reporting_share,
    )  # fmt: skip


def list_frame(session: SparkSession, items: Items) -> DataFrame:
    """One row per district, year and list: place of the list, and its quota."""
    rows = [(d, y, code, place, *_seats(r, code)) for d, y, r in items for place, code in enumerate(r.lists)]
    return literal_table(session, rows, f"{_PLACE}, {_SEATS}")


def _seats(r: RuleSet, code: str) -> tuple[object, ...]:
    quota = r.quota_of(code)
    return (
        quota.shares["A"], quota.shares["B"], quota.shares["D"],
        quota.rounding["A"], quota.rounding["B"], quota.rounding["D"], quota.count_exempt,
        quota.count_protected, quota.edge, quota.refill_vetoed, quota.vetoed_count_in_d, quota.carry,
    )  # fmt: skip


def standing_list_frame(session: SparkSession, items: Items) -> DataFrame:
    """One row per district, year and list: its groups of industries, the figures that a firm must have."""
    rows = [(d, y, code, *_standing_of_list(r, code)) for d, y, r in items for code in r.lists]
    return literal_table(session, rows, f"{_PLACE}, {_STANDING_OF_LIST}")


def _standing_of_list(r: RuleSet, code: str) -> tuple[object, ...]:
    definitions = indicator_definitions()
    rules = r.lists[code]
    groups = {prefix: name for name, group in rules.groups.items() for prefix in group.industries}
    # of two prefixes of an industry the longer says more
    prefixes = sorted(groups, key=lambda prefix: (-len(prefix), prefix))
    strict = [definitions[i] for i, rule in rules.indicators.items() if rule.missing == "data_incomplete"]
    feeds = {feed for i in rules.indicators for feed in definitions[i].feeds}
    # Land has rules of its own (zero_land, no_land_use) and is not among the figures.
    denominators = {d.denominator for d in strict} - {"land_area_mu"}
    return (
        prefixes, [groups[p] for p in prefixes],
        sorted({d.numerator for d in strict} | denominators), sorted(denominators), sorted(feeds),
    )  # fmt: skip


def figures_used(items: Items) -> list[str]:
    """Every figure that is a numerator or denominator of an indicator of the rule sets, sorted."""
    known = indicator_definitions()
    used = {name for _, _, r in items for rules in r.lists.values() for name in rules.indicators}
    return sorted({figure for name in used for figure in (known[name].numerator, known[name].denominator)})


def indicator_frame(session: SparkSession, items: Items) -> DataFrame:
    """One row per district, year, list, group and indicator: weight, baseline rule, policy for missing values.

    Columns ``*_place`` are positions of the indicator's figures in :func:`figures_used`.
    """
    figures = figures_used(items)
    return literal_table(
        session,
        [
            (*(d, y, code, group, name), *_indicator_row(name, rule, figures))
            for d, y, r in items
            for code, rules in r.lists.items()
            for group in rules.ranking_groups
            for name, rule in rules.indicators.items()
        ],
        _INDICATOR,
    )


def _indicator_row(name: str, rule: Indicator, figures: list[str]) -> tuple[object, ...]:
    definition = indicator_definitions()[name]
    return (
        rule.weight, scoring_code(rule, definition), rule.least_share, rule.missing, rule.withheld,
        definition.duty.figure if definition.duty else "",
        rule.baseline.method, rule.baseline.value, rule.baseline.factor, rule.baseline.giants,
        figures.index(definition.numerator), figures.index(definition.denominator),
        # divisors are powers of ten: their inverse is exact
        1 / Decimal(definition.denominator_divisor),
    )  # fmt: skip


def scoring_code(rule: Indicator, definition: IndicatorDefinition) -> str:
    """The formula of an indicator's score: a code of the list scoring."""
    return rule.scoring if definition.better == "more" else f"{rule.scoring}_less"


def event_frame(session: SparkSession, items: Items) -> DataFrame:
    """One row per district, year and honour with its level, or penalty: its effect on score or grade."""
    return literal_table(session, [row for d, y, r in items for row in _event_rows(d, y, r)], _EVENT)


def _event_rows(district: str, year: str, r: RuleSet) -> list[tuple[object, ...]]:
    where = (district, year, r.id)
    return [
        *(
            (*where, True, b.honour, b.level, "bonus", f"bonus:{b.honour}:{b.level}", b.points, "points",
             "points", b.category or b.honour)
            for b in r.bonuses
        ),
        *((*where, False, code, None, "veto", f"veto:{code}", Decimal(0), effect,
           {"stays": effect, "not_above_c": "not_above_c", "lifted": "none"}[r.repaired_veto], None)
          for code, effect in r.vetoes.items()),
        *((*where, False, code, None, "penalty", f"penalty:{code}", -points, "points", "points", None)
          for code, points in r.penalties.items()),
    ]  # fmt: skip
