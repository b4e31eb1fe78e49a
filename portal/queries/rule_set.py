"""A rule set of the per-mu evaluation as a clerk reads it: what counts, how much, against what, and what is assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from pydantic import ValidationError

from portal.queries.release import Query
from portal.queries.titles import Named


@dataclass(frozen=True)
class WeighedIndicator:
    """An indicator of a list: weight in points, baseline in force, treatment of a missing value."""

    indicator: Named
    unit: str
    weight: Decimal
    baseline: Decimal | None
    method: Named | None
    #: Numbers of units behind the baseline, and of giants; the other of the values with and without them is withheld.
    unit_count: int | None
    giant_count: int | None
    missing: str
    withheld: str
    scoring: Named
    #: The group of industries that the baseline is for; ``None`` where the list is ranked as a whole.
    group: Named | None = None


@dataclass(frozen=True)
class ListOfRules:
    """A list with its indicators and the shares of grades."""

    list: Named
    indicators: tuple[WeighedIndicator, ...]
    shares: Mapping[str, Decimal]
    #: Whether fractions of places pass to the next list.
    carries: bool
    #: Groups of industries with the beginnings of their codes, if the list is ranked by them.
    groups: tuple[tuple[Named, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class Assumed:
    """A field of the rule set that no published document states, and why it is set so."""

    field: str
    zh: str
    en: str


@dataclass(frozen=True)
class Rules:
    """A district's rule set of a year."""

    id: str
    title: Named
    source: str
    year: str
    lists: tuple[ListOfRules, ...]
    tax_components: tuple[Named, ...]
    tax_exclusions: tuple[Named, ...]
    cap_ratio: Decimal | None
    floor: Decimal | None
    vetoes: tuple[tuple[Named, Named], ...]
    #: What a veto becomes that credit repair lifts within the year: stays, not_above_c or lifted.
    repaired_veto: str
    bonuses: tuple[tuple[Named, Named, Decimal], ...]
    bonus_cap: Decimal | None
    penalties: tuple[tuple[Named, Decimal], ...]
    exempt_industries: tuple[Named, ...]
    tenants: str
    large_land_mu: Decimal
    new_firm_years: int | None
    assumptions: tuple[Assumed, ...]


def rule_sets(query: Query, year: str) -> list[Named]:
    """Districts with a rule set of the year, as the reader sees them in the evaluation's baselines."""
    rows = query(
        "SELECT DISTINCT district_code FROM per_mu.baseline WHERE year = ? ORDER BY district_code", year
    )
    return [query.titles("district", row["district_code"]) for row in rows]


def rules(query: Query, year: str, district: str) -> Rules | None:
    """The rule set of a district and year; ``None`` if the release has none, or one in an older form."""
    from jobs.per_mu.rules.frames import scoring_code
    from jobs.per_mu.rules.models import OTHER_INDUSTRIES, WHOLE_LIST, RuleSet, indicator_definitions

    found = query(
        """SELECT DISTINCT rule_set_id FROM per_mu.baseline WHERE year = ? AND district_code = ?""",
        year,
        district,
    )
    if not found:
        return None
    [book, *_] = query(
        "SELECT content FROM release.rule_set WHERE rule_set_id = ?", found[0]["rule_set_id"]
    ) or [{}]
    try:
        read = RuleSet.model_validate_json(book.get("content", ""))
    except ValidationError:
        return None
    titles, definitions = query.titles, indicator_definitions()
    baselines = {
        (row["list_code"], row.get("ranking_group", WHOLE_LIST), row["indicator_code"]): row
        for row in query("SELECT * FROM per_mu.baseline WHERE year = ? AND district_code = ?", year, district)
    }
    lists = []
    for code, one in read.lists.items():
        indicators = []
        groups = {name: Named(name, g.title.zh, g.title.en) for name, g in one.groups.items()}
        if groups:
            groups[OTHER_INDUSTRIES] = Named(OTHER_INDUSTRIES, "其他行业", "Other industries")
        for (indicator, rule), group in product(one.indicators.items(), one.ranking_groups):
            row = baselines.get((code, group, indicator), {})
            indicators.append(
                WeighedIndicator(
                    titles("per_mu_indicator", indicator),
                    definitions[indicator].unit,
                    rule.weight,
                    row.get("value"),
                    titles.maybe("baseline_method", row.get("method_code") or rule.baseline.method),
                    row.get("unit_count"),
                    row.get("giant_count"),
                    rule.missing,
                    rule.withheld,
                    titles("scoring", scoring_code(rule, definitions[indicator])),
                    groups.get(group),
                )
            )
        quota = one.quota or read.quota
        lists.append(
            ListOfRules(
                titles("per_mu_list", code),
                tuple(indicators),
                {str(grade): share for grade, share in quota.shares.items()},
                quota.carry,
                tuple((groups[name], group.industries) for name, group in one.groups.items()),
            )
        )
    firm = read.protection.new_firm
    return Rules(
        id=read.id,
        title=Named(read.id, read.title.zh, read.title.en),
        source=read.source,
        year=read.year,
        lists=tuple(lists),
        tax_components=tuple(_tax(name) for name in read.tax_components),
        tax_exclusions=tuple(query.titles("tax_exclusion", name) for name in read.tax_exclusions),
        cap_ratio=read.cap_ratio,
        floor=read.floor,
        vetoes=tuple(
            (titles("penalty", kind), titles("adjustment_effect", effect))
            for kind, effect in read.vetoes.items()
        ),
        repaired_veto=read.repaired_veto,
        bonuses=tuple((titles("honour", b.honour), titles("level", b.level), b.points) for b in read.bonuses),
        bonus_cap=read.bonus_cap,
        penalties=tuple((titles("penalty", kind), points) for kind, points in read.penalties.items()),
        exempt_industries=tuple(_industry(query, code) for code in read.exempt_industries),
        tenants=read.tenants.mode,
        large_land_mu=read.large_land_mu,
        new_firm_years=firm.years if firm else None,
        assumptions=tuple(Assumed(a.field, a.why_zh or a.why, a.why) for a in read.assumptions),
    )


def _tax(component: str) -> Named:
    from jobs.per_mu.rules.tax_columns import TAX_COLUMNS
    from schemas.contract import fields

    column = fields()[TAX_COLUMNS[component]]
    return Named(component, column.zh, column.en)


def _industry(query: Query, code: str) -> Named:
    kind = {2: "industry_division", 3: "industry_group"}.get(len(code), "industry_class")
    return query.titles(kind, code)
