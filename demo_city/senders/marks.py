"""Industry marks (行业标识) and credit listings (失信与异常名录) of the demo city's firms.

Marks follow the registered class. Then firms near the threshold of 规上 are added or removed until the city's totals
are those of the plan. A firm may have several marks, so their totals overlap.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import dates, take, words
from demo_city.frame import Frame
from demo_city.senders.event_days import Days, drawn_days, open_days
from demo_city.world.city import City
from demo_city.world.draws import Bools, Floats, Ints, stream
from demo_city.world.population import ABOVE
from schemas.contract import code_list, feed

#: First year with listings.
_FIRST_LISTED = 2017
#: No firm is listed sooner after its registration, days. Assumed.
_LISTED_AFTER = 90


# --- gov_industry_mark -----------------------------------------------------------------------------------


def industry_mark(city: City, year: int) -> Frame:
    """A row for each firm above scale: its cluster, and whether it is strategic emerging or high-tech."""
    contract, sites = feed("gov_industry_mark"), city.above(year)
    cluster, marks = clusters(city, year), {k: marked(city, year, k) for k in ("strategic", "hightech")}
    return Frame(
        contract,
        str(year),
        "",
        {
            "uscc": city.uscc(sites, year),
            "单位详细名称": city.name(sites, year),
            "cluster_code": words(contract, "cluster_code", list(city.p.marks.clusters), cluster[sites]),
            "is_strategic_emerging": words(
                contract,
                "is_strategic_emerging",
                ["false", "true"],
                marks["strategic"][sites].astype(np.int64),
            ),
            "is_hightech_industry": words(
                contract, "is_hightech_industry", ["false", "true"], marks["hightech"][sites].astype(np.int64)
            ),
        },
    )


def _classes(city: City, year: int) -> list[str]:
    """Registered class of the firm on each site; empty if it is not above scale."""
    q = city.population
    firm = np.where(q.status[year] == ABOVE, q.firm[year], -1)
    classes: list[str] = take(city.classes, firm).fill_null("").to_pylist()
    return classes


def clusters(city: City, year: int) -> Ints:
    """Position of each site's cluster in the parameters, -1 outside; a cluster is valid until its plan ends."""
    marks = city.p.marks
    prefixes = {start: n for n, starts in enumerate(marks.clusters.values()) for start in starts}
    last = [int(code_list("cluster")[code]["valid_to"] or 9999) for code in marks.clusters]
    by_class: dict[str, int] = {}
    classes = _classes(city, year)
    for code in set(classes):
        matches = [prefixes[code[:n]] for n in (4, 3, 2) if code[:n] in prefixes]
        by_class[code] = matches[0] if matches and last[matches[0]] >= year else -1
    named = np.array([by_class[code] for code in classes])
    inside = _to_total(city, year, "clusters", named >= 0)
    rest = list(marks.clusters).index("new_materials")
    return np.where(inside, np.where(named >= 0, named, rest), -1)


def marked(city: City, year: int, key: str) -> Bools:
    """Sites whose firm counts as ``strategic``, ``hightech`` or ``equipment``."""
    classes = _classes(city, year)
    if key == "equipment":  # 装备制造业: divisions 33 to 40
        of_class = np.array(["33" <= code[:2] <= "40" for code in classes], dtype=bool)
        equipment: Bools = of_class & (city.population.status[year] == ABOVE)
        return equipment
    return _to_total(city, year, key, _has_prefix(classes, getattr(city.p.marks, key)))


def _has_prefix(classes: list[str], prefixes: tuple[str, ...]) -> Bools:
    known = {code: code.startswith(prefixes) for code in set(classes)}
    return np.array([known[code] for code in classes], dtype=bool)


def _to_total(city: City, year: int, key: str, wanted: Bools) -> Bools:
    """The wanted firms above scale, with small firms removed or added until their value added is the plan's share."""
    p, figures = city.p, city.year(year)
    above = city.population.status[year] == ABOVE
    value = figures.money["value_added"].astype(np.float64)
    goal = p.mark(key).value / p.total("value_added").value * float(value[above].sum())
    inside: Bools = wanted & above
    over = float(value[inside].sum()) - goal
    if over > 0:
        inside[_small_ones(np.flatnonzero(inside), value, figures.money["revenue"], over)] = False
    else:
        reserve = above & ~inside & _has_prefix(_classes(city, year), p.marks.reserve)
        inside[_small_ones(np.flatnonzero(reserve), value, figures.money["revenue"], -over)] = True
    return inside


def _small_ones(sites: Ints, value: Floats, revenue: Ints, total: float) -> Ints:
    """The smallest sites whose value added reaches the total, and one more if it brings the sum closer."""
    order = sites[np.argsort(revenue[sites], kind="stable")]
    count = int(np.searchsorted(np.maximum.accumulate(np.cumsum(value[order])), total, side="right"))
    chosen, others = order[:count], order[count:]
    gap = total - float(value[chosen].sum())
    if len(others):
        best = others[int(np.argmin(np.abs(value[others] - gap)))]
        if abs(value[best] - gap) < abs(gap):
            chosen = np.append(chosen, best)
    return chosen


# --- gov_credit ------------------------------------------------------------------------------------------


def credit(city: City, year: int, complete: bool) -> Frame:
    """A row for each listing that begins or ends in the year; with ``complete``, for all others in force as well."""
    contract, kinds = feed("gov_credit"), list(city.p.credit)
    parts = listings(city, year)
    firm, kind, number, start, end = (np.concatenate(column) for column in zip(*parts, strict=True))
    first, last = np.datetime64(f"{year}-01-01"), np.datetime64(f"{year}-12-31")
    reported = (end >= first) & ((end <= last) | (start >= first) | complete)
    firm, kind, number, start, end = (values[reported] for values in (firm, kind, number, start, end))
    return Frame(
        contract,
        str(year),
        "",
        {
            "event_id": pa.array([f"XY-{n // 10**6}-{n % 10**6:06d}" for n in number.tolist()]),
            "uscc": take(city.codes, firm),
            "credit_code": words(contract, "credit_code", kinds, kind),
            "listed_date": dates(contract, "listed_date", start),
            "removed_date": dates(contract, "removed_date", end, end > last),
            "document_code": pa.array(
                [f"甬信示〔{n // 10**6}〕{n % 10**6 // 3 + 1}号" for n in number.tolist()]
            ),
        },
    )


#: Firm, kind, number, first and last day of the listings of a year.
Listings = tuple[Ints, Ints, Ints, Days, Days]


def listings(city: City, year: int) -> list[Listings]:
    """Listings of all years up to ``year``."""
    return [_listings(city, listed) for listed in range(_FIRST_LISTED, year + 1)]


def _listings(city: City, year: int) -> Listings:
    """Listings of a year: firm, kind, number, first and last day. Firms below scale are listed more often.

    Before the base year, they are the base year's firms that existed then.
    """
    q, p = city.population, city.p
    rng = stream(q.seed, f"credit-{year}")
    known = max(year, p.base_year)
    sites = q.in_year(known)
    possible = open_days(city, city.firms(sites, known), year, _LISTED_AFTER)
    existing = int((possible > 0).sum())
    counts = [max(1, round(per_mille * existing / 1000)) for per_mille, _ in p.credit.values()]
    kind = np.repeat(np.arange(len(counts)), counts)
    weight = (
        np.where(q.giant[sites] >= 0, 0.0, np.where(q.status[known][sites] == ABOVE, 0.4, 1.0)) * possible
    )
    chosen = rng.choice(len(sites), len(kind), p=weight / weight.sum())
    firm, start = city.firms(sites[chosen], known), drawn_days(year, possible[chosen], rng.random(len(kind)))
    years = np.array([mean for _, mean in p.credit.values()])[kind] * rng.gamma(2.0, 0.5, len(kind))
    end = start + np.maximum(365.25 * years, 20).astype("timedelta64[D]")
    # serial numbers follow the dates within the year
    order = np.argsort(start, kind="stable")
    number = year * 10**6 + np.arange(len(kind)) + 1
    return firm[order], kind[order], number, start[order], end[order]
