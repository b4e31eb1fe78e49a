"""Faults planted in the demo city's files (埋设的差错), each with the outcome the platform must produce.

Their number does not depend on the scale. ``planted_faults.json`` lists them for the tests; the platform never reads
it. Regular faults are all in one year, so that the base year stays clean: the latest year before the monthly feeds
begin, or the first year if there is none. Faults that are as frequent as in real feeds are in ``frequent``.
"""

from __future__ import annotations

from demo_city.faults.chains import customs, products, trades
from demo_city.faults.consents import consents
from demo_city.faults.events import events
from demo_city.faults.figures import cumulative, figures
from demo_city.faults.files import files
from demo_city.faults.identity import identity
from demo_city.faults.land import land_use
from demo_city.faults.meters import meters
from demo_city.faults.plan import Plan
from demo_city.faults.planner import Planner
from demo_city.faults.registry import registry
from demo_city.faults.rights import rights
from demo_city.faults.towns import towns
from demo_city.senders import main_meters, market
from demo_city.senders.months import FIRST_MONTHLY_YEAR
from demo_city.world.city import City


def plan_faults(city: City, years: tuple[int, ...]) -> Plan:
    """Choose a firm for each fault and plan the edits; also adds firms to ``city.reported_again``."""
    yearly = [y for y in years if y < FIRST_MONTHLY_YEAR]
    monthly = [y for y in years if y >= FIRST_MONTHLY_YEAR]
    year = yearly[-1] if yearly else years[0]
    planner = Planner(city, year, f"{year}-03" if year >= FIRST_MONTHLY_YEAR else str(year))
    # faults that need a firm of a certain district choose first
    identity(planner)
    towns(planner)
    figures(planner, has_annual=bool(yearly))
    registry(planner)
    events(planner)
    consents(planner)
    land_use(planner)
    files(planner, has_annual=bool(yearly))
    rights(planner, has_quotas=year != years[0])
    if monthly:
        cumulative(planner, monthly[0])
        customs(planner, monthly[0])
    if main_meters.YEAR in years:
        meters(planner)
    products(planner)
    if market.TRADES_YEAR in years:
        trades(planner)
    return Plan(tuple(planner.edits), tuple(planner.extras), planner.late, frozenset(planner.taken))
