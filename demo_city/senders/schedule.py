"""Schedule of the demo city's senders (报送次序): all regular deliveries of all feeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from demo_city.frame import Frame
from demo_city.senders import (
    areas,
    buildings,
    consent,
    customs,
    devices,
    discharge_permit,
    electricity,
    emission,
    emission_rights,
    energy,
    energy_transfers,
    equipment,
    honour,
    identity_change,
    innovation,
    land,
    land_contracts,
    main_meters,
    market,
    marks,
    penalty,
    policies,
    procedure,
    products,
    projects,
    registry,
    reports,
    services,
    social_insurance,
    statistics,
    tax,
    tax_excluded,
    visits,
    water,
)
from demo_city.senders.months import FIRST_MONTHLY_YEAR, period_of
from demo_city.world.city import City
from schemas.contract import feed
from schemas.today import Span

#: Groups of feeds whose files are written first, because their ingestion takes longest.
FIRST = ("tax", "devices", "energy")

#: Feed, period, part, and the function that builds the frame.
Delivery = tuple[str, str, str, Callable[[], Frame]]


def deliveries(city: City, years: tuple[int, ...]) -> Iterator[Delivery]:
    """All regular deliveries, year by year, in the order of sending."""
    for year in years:
        yield from _yearly(city, year, complete=year == years[0])
        if year < FIRST_MONTHLY_YEAR:
            yield "gov_statistics_annual", str(year), "", partial(statistics.statistics_annual, city, year)
        months: tuple[int | None, ...] = (None,) if year < FIRST_MONTHLY_YEAR else tuple(range(1, 13))
        for month in months:
            yield from _yearly_then_monthly(city, year, month)
            if month is not None:
                yield from _monthly(city, year, month)
        if year + 1 in years:
            # a year is evaluated in the next one, in August with a public notice of the results
            yield "ent_objection", f"{year + 1}-08", "", partial(reports.objection, city, year)
            yield from procedure.deliveries(city, year)
            yield from visits.deliveries(city, year)
        if year == main_meters.YEAR:
            yield from _daily(city)
        if year == market.TRADES_YEAR:
            month = market.TRADES_MONTH
            yield "ent_trade", period_of(year, month), "", partial(market.trade, city, year, month)


def calendars(city: City, years: tuple[int, ...]) -> dict[str, tuple[Span, ...]]:
    """Feed → the periods that its sender sends in ``years``: years, months or days, open at the last of the years."""
    periods: dict[str, dict[int, list[str]]] = {}
    for name, period, _, _ in deliveries(city, years):
        periods.setdefault(name, {}).setdefault(len(period), []).append(period)
    return {
        name: tuple(
            (min(some), None if max(some).startswith(str(years[-1])) else max(some))
            for some in by_length.values()
        )
        for name, by_length in sorted(periods.items())
    }


def by_group(sent: Iterable[Delivery]) -> Iterator[tuple[str, list[tuple[int, Delivery]]]]:
    """Deliveries by group of feeds, in the order of writing; each with its number among all deliveries."""
    groups: dict[str, list[tuple[int, Delivery]]] = {}
    for number, delivery in enumerate(sent):
        source = feed(delivery[0]).source
        groups.setdefault((source and source.group) or "other", []).append((number, delivery))
    first = [group for group in FIRST if group in groups]
    yield from ((group, groups[group]) for group in dict.fromkeys([*first, *sorted(groups)]))


def _yearly(city: City, year: int, complete: bool) -> Iterator[Delivery]:
    period = str(year)
    yield "gov_business_registry", period, "", partial(registry.business_registry, city, year, complete)
    yield "gov_identity_change", period, "", partial(identity_change.identity_change, city, year)
    yield "gov_statistics_directory", period, "", partial(statistics.statistics_directory, city, year)
    yield "gov_tax_excluded", period, "", partial(tax_excluded.tax_excluded, city, year)
    yield "gov_energy", period, "", partial(energy.energy, city, year)
    yield "gov_emission", period, "", partial(emission.emission, city, year)
    yield "gov_discharge_permit", period, "", partial(discharge_permit.discharge_permit, city, year)
    yield "gov_emission_right", period, "", partial(emission_rights.emission_right, city, year)
    register = partial(emission_rights.emission_right_transfer, city, year)
    yield "gov_emission_right_transfer", period, "", register
    if not complete:  # quotas begin with the second year: the first gives the standards
        yield (
            "gov_energy_quota_transfer",
            period,
            "",
            partial(energy_transfers.energy_quota_transfer, city, year),
        )
    yield "gov_land_parcel", period, "", partial(land.land_parcel, city, year)
    for number, district in enumerate(city.p.districts):
        yield "gov_land_survey", period, district.pinyin, partial(land.land_survey, city, year, number)
    yield "gov_land_contract", period, "", partial(land_contracts.land_contract, city, year)
    yield "gov_building", period, "", partial(buildings.building, city, year)
    yield "gov_park", period, "", partial(areas.park, city, year)
    yield "gov_zone", period, "", partial(areas.zone, city, year)
    yield "gov_park_assessment", period, "", partial(areas.park_assessment, city, year)
    yield "gov_service_annual", period, "", partial(services.service_annual, city, year)
    yield "gov_service_complex", period, "", partial(services.service_complex, city, year)
    yield "gov_honour", period, "", partial(honour.honour, city, year, complete)
    yield "gov_penalty", period, "", partial(penalty.penalty, city, year)
    yield "gov_policy", period, "", partial(policies.policy, city, year)
    yield "gov_grant", period, "", partial(policies.grant, city, year)
    yield "ent_product", period, "", partial(products.product, city, year)
    yield "gov_patent", period, "", partial(innovation.patent, city, year, complete)
    yield "gov_credit", period, "", partial(marks.credit, city, year, complete)
    yield "ent_consent", period, "", partial(consent.consent, city, year)
    yield "gov_industry_mark", period, "", partial(marks.industry_mark, city, year)


def _yearly_then_monthly(city: City, year: int, month: int | None) -> Iterator[Delivery]:
    period = period_of(year, month)
    yield "gov_tax", period, "", partial(tax.tax, city, year, month)
    yield "gov_electricity", period, "", partial(electricity.electricity, city, year, month)
    yield "gov_social_insurance", period, "", partial(social_insurance.social_insurance, city, year, month)
    yield "gov_water", period, "", partial(water.water, city, year, month)
    yield "gov_project", period, "", partial(projects.project, city, year, month)


def _monthly(city: City, year: int, month: int) -> Iterator[Delivery]:
    period = period_of(year, month)
    if month >= 2:
        yield "gov_statistics_monthly", period, "", partial(statistics.statistics_monthly, city, year, month)
    yield "gov_customs", period, "", partial(customs.customs, city, year, month)
    yield "ent_monthly_report", period, "", partial(reports.monthly_report, city, year, month)
    yield "ent_pmi", period, "", partial(reports.pmi, city, year, month)
    yield "ent_need", period, "", partial(reports.need, city, year, month)


def _daily(city: City) -> Iterator[Delivery]:
    week = devices.Week(city)
    for number, day in enumerate(main_meters.DAYS):
        yield "ent_meter_reading", str(day), "", partial(devices.meter_reading, week, number)
    yield "ent_equipment_status", str(main_meters.DAYS[-1]), "", partial(equipment.equipment_status, week)
