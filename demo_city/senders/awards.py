"""Which firms hold which honours (荣誉认定), year by year.

At the end of the base year the register has the stock of the parameters, with awards in earlier years. In each later
year firms renew what expires, and others are added until the year's stock is reached. Only firms that could hold an
honour get it, and none with a serious penalty or listing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo_city.senders.innovation import FIRST_APPLICATIONS, KINDS, applications
from demo_city.senders.marks import listings
from demo_city.senders.penalty import penalised
from demo_city.senders.products import revenue
from demo_city.world.city import City
from demo_city.world.draws import Bools, Floats, Ints, stream
from demo_city.world.honours import Days, Honour, Register
from demo_city.world.names import is_joint_stock
from demo_city.world.population import ABOVE
from demo_city.world.roles import WHOLE

#: Share of the firms that renew an honour when it expires, days before the end at which they do. Assumed.
_RENEWING, _DAYS_BEFORE = 0.92, 75
#: Listings that bar a firm from honours.
_SERIOUS = ("dishonest_debtor", "serious_violation", "environment_red")
#: Mean age of honours without an end in the base year, and the largest, years.
_MEAN_AGE, _LARGEST_AGE = 6.0, 25
_DAY = np.timedelta64(1, "D")
#: Days of a year of age and of validity.
_YEAR = 365


def register(city: City, year: int) -> Register:
    """The honours that are valid at the end of a year, from the base year on."""
    if year not in city.honours:
        before = register(city, year - 1) if year > city.p.base_year else None
        city.honours[year] = _numbered(_after(city, year, before), year, first=before is None)
    return city.honours[year]


def expected(honour: Honour, year: int, base_year: int) -> float:
    """Awards a year at scale 1: renewals and new ones."""
    renewed = honour.valid(year, base_year) / honour.years if honour.years else 0.0
    return renewed + (honour.aim - honour.stock) / Honour.YEARS


@dataclass(frozen=True)
class _Firms:
    """Facts on all firms in a year; firms that are not in the directory are small and may hold nothing."""

    present: Bools
    above: Bools
    barred: Bools
    #: Years since the registration at the end of the year; negative before it.
    age: Floats
    #: Insured persons, or employees if they are fewer; revenue in 万元, R&D as a share of revenue, profit above zero.
    persons: Floats
    revenue: Floats
    rd: Floats
    gains: Bools
    #: Class of a technical industry; products of one node of the chains; one of the five largest firms of its node.
    is_technical: Bools
    is_narrow: Bools
    leads: Bools
    has_invention: Bools
    is_joint_stock: Bools
    is_landmark: Bools

    def fitness(self, honour: Honour, below: bool) -> Floats:
        """Weight of each firm in the draw of an honour; 0 if it could not hold it."""
        size = np.sqrt(self.revenue)
        if below:
            fits = ~self.above & self.is_technical
        else:
            fits = self.above & self._meets(honour)
            size = size if honour.honour != "hightech_enterprise" else np.where(self.rd >= 0.03, 1.0, 0.02)
        fits &= (self.persons >= honour.persons) & (self.revenue >= honour.revenue) & (self.age >= honour.age)
        fits &= self.present & ~self.barred & ~self.is_landmark
        return np.where(fits, size, 0.0)

    def _meets(self, honour: Honour) -> Bools:
        """Conditions on a firm above scale besides its size and age; amounts in 万元."""
        national = honour.level == "national"
        match honour.honour:
            case "hightech_enterprise":
                return self.is_technical & (self.rd >= 0.02)
            case "little_giant":
                fields = self.is_technical & self.is_narrow & (self.revenue <= 100_000)
                return fields & ((self.rd >= 0.03) & self.has_invention if national else self.rd >= 0.02)
            case "single_champion":
                return self.leads & (self.rd >= 0.02)
            case "listed":
                return self.is_joint_stock & self.gains
            case "rd_body" | "academician_station":
                return self.rd >= (0.03 if national else 0.015)
            case _:
                return np.ones(len(self.above), dtype=bool)


def _facts(city: City, year: int) -> _Firms:
    q, roles = city.population, city.roles
    sites, firms = q.in_year(year), city.firms(q.in_year(year), year)
    figures, count = city.year(year), len(q.firm_site)

    def by_firm(values: Floats | Bools) -> Floats:
        found = np.zeros(count)
        found[firms] = values[sites]
        return found

    earned, above = revenue(city, year), q.status[year] == ABOVE
    rd = np.where(above, figures.money["rd_expense"] / 10 / earned, 0.0)
    worth = by_firm(earned)
    made = np.where(roles.node == roles.outside, 0.0, worth[roles.firm] * roles.share / WHOLE)
    order = np.lexsort((-made, roles.node))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - np.searchsorted(roles.node[order], roles.node[order])
    leads = np.zeros(count, dtype=bool)
    leads[roles.firm[(rank < 5) & (roles.node != roles.outside)]] = True
    classes = city.classes.to_pylist()
    known = {code: code.startswith(city.p.marks.hightech) for code in set(classes)}
    return _Firms(
        present=by_firm(np.ones(q.sites)) > 0,
        above=by_firm(above) > 0,
        barred=_barred(city, year),
        age=(np.datetime64(f"{year}-12-31") - city.registered).astype(np.int64) / _YEAR,
        persons=by_firm(np.where(above, np.minimum(figures.insured, figures.employees), figures.insured)),
        revenue=worth,
        rd=by_firm(rd),
        gains=by_firm(figures.money["profit"] > 0) > 0,
        is_technical=np.array([known[code] for code in classes], dtype=bool),
        is_narrow=np.bincount(roles.firm[roles.node != roles.outside], minlength=count) == 1,
        leads=leads,
        has_invention=_inventors(city, year),
        is_joint_stock=is_joint_stock(city.names),
        is_landmark=np.isin(q.giant[q.firm_site], np.arange(len(city.p.landmarks))),
    )


def _inventors(city: City, year: int) -> Bools:
    """Firms with a granted invention in force at the end of the year."""
    owners = np.zeros(len(city.population.firm_site), dtype=bool)
    for applied in range(FIRST_APPLICATIONS, year + 1):
        filed = applications(city, applied)
        in_force = (filed.kind == KINDS.index("invention")) & (filed.state(year) == 1)
        owners[filed.firm[in_force]] = True
    return owners


def _barred(city: City, year: int) -> Bools:
    """Firms with a serious penalty in the year or the year before, or with a serious listing in the year."""
    barred = np.zeros(len(city.population.firm_site), dtype=bool)
    kinds = list(city.p.penalties)
    for y in range(max(year - 1, city.p.base_year), year + 1):
        site, which = penalised(city, y)
        barred[city.firms(site[which != kinds.index("minor_fine")], y)] = True
    serious = [list(city.p.credit).index(kind) for kind in _SERIOUS]
    for firm, kind, _, start, end in listings(city, year):
        in_force = (start <= np.datetime64(f"{year}-12-31")) & (end >= np.datetime64(f"{year}-01-01"))
        barred[firm[in_force & np.isin(kind, serious)]] = True
    return barred


def _after(city: City, year: int, before: Register | None) -> Register:
    """The register at the end of a year, new awards without a number."""
    facts, rng = _facts(city, year), stream(city.population.seed, f"honours-{year}")
    parts: list[Register] = []
    higher: dict[str, Ints] = {}  # firms with a higher level of the honour
    for kind, honour in enumerate(city.p.honours):
        better = higher.get(honour.honour, np.empty(0, dtype=np.int64))
        held = _kept(city, year, before, kind, facts, rng) if before else _none()
        held = held.where(~np.isin(held.firm, better))
        total = max(1, round(honour.valid(year, city.p.base_year) * city.population.scale))
        small = round(total * honour.below_share) - int((~facts.above[held.firm]).sum())
        # firms below scale get their share, and what is left if too few firms above it could hold the honour
        for is_below, count in ((False, total - max(small, 0)), (True, total if honour.below_share else 0)):
            weight = facts.fitness(honour, is_below)
            weight[np.concatenate([better, held.firm])] = 0
            firm = _drawn(weight, count - len(held), rng)
            day = _days(city, year, honour, firm, before is None, rng)
            held = _joined(held, _awarded(kind, honour, firm, day))
        parts.append(held)
        higher[honour.honour] = np.concatenate([better, held.firm])
    return _joined(*parts)


def _joined(*parts: Register) -> Register:
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return Register(*(np.concatenate(column) for column in columns))


def _kept(
    city: City, year: int, before: Register, kind: int, facts: _Firms, rng: np.random.Generator
) -> Register:
    """Honours that last beyond the year, and those that are renewed before they end."""
    honour, mine = city.p.honours[kind], before.where((before.kind == kind) & facts.present[before.firm])
    if honour.years is None:
        return mine
    ends = mine.until <= np.datetime64(f"{year}-12-31")
    fits = facts.fitness(honour, below=False) > 0
    if honour.below_share:
        fits |= facts.fitness(honour, below=True) > 0
    ended = mine.where(ends & fits[mine.firm] & (rng.random(len(mine)) < _RENEWING))
    day = ended.until - rng.integers(0, _DAYS_BEFORE, len(ended)) * _DAY
    renewed = _awarded(kind, honour, ended.firm, np.maximum(day, np.datetime64(f"{year}-01-01")))
    return _joined(mine.where(~ends), renewed)


def _none() -> Register:
    empty, days = np.empty(0, dtype=np.int64), np.empty(0, dtype="datetime64[D]")
    return Register(empty, empty, days, days, empty)


def _awarded(kind: int, honour: Honour, firm: Ints, day: Days) -> Register:
    """Awards without a number; a year of validity has 365 days."""
    until: Days = np.full(len(firm), np.datetime64("NaT", "D"))
    if honour.years:
        until = day + (_YEAR * honour.years) * _DAY
    return Register(np.full(len(firm), kind), firm, day, until, np.full(len(firm), -1))


def _drawn(weight: Floats, count: int, rng: np.random.Generator) -> Ints:
    """``count`` firms, or all with a weight, drawn by their weights."""
    firms = np.flatnonzero(weight > 0)
    keys = np.log(weight[firms]) + rng.gumbel(size=len(firms))
    chosen: Ints = np.sort(firms[np.argsort(-keys, kind="stable")[: max(count, 0)]])
    return chosen


def _days(
    city: City, year: int, honour: Honour, firm: Ints, is_first: bool, rng: np.random.Generator
) -> Days:
    """Days of the awards: in the year, or for the base year's stock in it and in earlier years.

    None is before the firm has the age that the honour asks for: ages of awards are drawn up to that day.
    """
    end, draw = np.datetime64(f"{year}-12-31"), rng.random(len(firm))
    possible = 1 + (end - city.registered[firm]).astype(np.int64) - _YEAR * honour.age
    if is_first and not honour.years:
        most = np.minimum(possible, _YEAR * _LARGEST_AGE)
        mean = _YEAR * _MEAN_AGE
        age = -mean * np.log1p(draw * np.expm1(-most / mean))
    else:
        age = draw * np.minimum(possible, _YEAR * (honour.years or 1) if is_first else _YEAR)
    days: Days = end - age.astype(np.int64) * _DAY
    return days


def _numbered(register: Register, year: int, first: bool) -> Register:
    """Give the new awards serial numbers by date within their year."""
    number, new = register.number.copy(), np.flatnonzero(register.number < 0)
    awarded = register.day[new].astype("datetime64[Y]").astype(np.int64) + 1970
    order = np.lexsort((register.day[new], awarded))
    starts = np.searchsorted(awarded[order], awarded[order])
    number[new[order]] = awarded[order] * 10**6 + np.arange(len(new)) - starts + 1
    return Register(register.kind, register.firm, register.day, register.until, number)
