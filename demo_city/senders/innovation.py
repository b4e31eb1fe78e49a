"""Patents of the demo city's firms (专利), from the years before the base year to the last year.

A year's file has new applications and changes of legal state; the first file of a city has all patents so far. Titles
name the firm's products. Counts and durations are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from demo_city.cells import dates, days_in_year, take, words
from demo_city.frame import Frame
from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints, stream
from demo_city.world.population import ABOVE
from schemas.contract import feed

Days = npt.NDArray[np.datetime64]

#: Applications in the base year at scale 1, yearly growth, and the first year with applications. Assumed.
_PER_YEAR, _GROWTH, FIRST_APPLICATIONS = 24_000, 0.06, 2014
KINDS = ("invention", "utility_model", "design")
_SHARES = (0.32, 0.55, 0.13)
#: By kind: days to the decision (from, to), share granted, mean years in force after the grant.
_DECIDED = np.array([[480, 1150], [150, 300], [90, 210]])
_GRANTED = np.array([0.62, 0.95, 0.98])
_IN_FORCE = np.array([9.0, 6.0, 4.5])
_STATES = ("pending", "granted", "lapsed")
_TITLES = (
    ("一种{}的制备方法", "一种{}及其控制方法", "{}质量的在线检测方法及系统", "一种{}生产线的节能控制方法"),
    ("一种{}", "一种{}加工装置", "一种便于装配的{}", "一种{}检测工装"),
    ("{}", "{}（带支架）", "{}（一体式）", "{}外观"),
)
#: Main IPC classes by division of the product.
_IPC = {
    "13": ("A23L5/10", "A23P30/20"), "14": ("A23L7/10", "A21D13/06"), "15": ("C12G3/02", "A23F3/16"),
    "16": ("A24C5/32", "A24B3/04"), "17": ("D03D15/50", "D06M11/79", "D04B1/14"), "18": ("A41D13/00", "A41H42/00"),
    "19": ("A43B13/14", "A43D8/00"), "20": ("B27M1/08", "B27D1/04"), "21": ("A47B88/40", "A47C7/44"),
    "22": ("D21F1/10", "B31B50/14"), "23": ("B41F23/04", "B41F16/00"), "24": ("B43K24/08", "A63B21/05"),
    "25": ("C10G45/02", "C10G11/18"), "26": ("C08L23/12", "C07C2/66", "C08G18/76", "C09D163/00"),
    "27": ("A61K9/20", "A61K31/165", "C07D401/12"), "28": ("D01F6/62", "D01D5/08"),
    "29": ("B29C45/26", "C08L27/06", "B29C48/92"), "30": ("C03B23/03", "C04B35/622"),
    "31": ("C22C38/04", "C21D8/02"), "32": ("C22C9/04", "B21C37/06", "C22F1/08"),
    "33": ("B23P19/06", "C25D5/12", "B22D17/22"), "34": ("F16K31/06", "F16C33/58", "F04D29/42", "F16H57/04"),
    "35": ("B29C45/17", "B21D37/10", "B29C33/38", "H01L21/67"), "36": ("B60R16/02", "B62D21/15", "F16D65/12"),
    "37": ("B63B35/00", "B62K25/04"), "38": ("H02K1/27", "H01M10/42", "F24F11/64", "A47J37/06"),
    "39": ("H01F1/057", "G02B7/02", "H01L23/495", "H04N5/225"), "40": ("G01D21/02", "G02B13/00", "G01R31/00"),
    "41": ("A44B19/26", "A45B25/02"), "42": ("B09B3/40", "C22B7/00"), "43": ("B23P6/00", "F16N29/00"),
}  # fmt: skip
_ELSEWHERE = ("F22B1/18", "B01D53/78")


@dataclass(frozen=True)
class Patents:
    """Applications of one year. The decision grants or refuses; a granted patent lapses later."""

    firm: Ints
    product: Ints
    kind: Ints
    number: Ints
    title: Ints
    ipc: Floats
    applied: Days
    decided: Days
    lapsed: Days

    def state(self, year: int) -> Ints:
        """Position of the legal state at the end of a year; -1 before the application."""
        end = np.datetime64(f"{year}-12-31")
        state = np.where(self.decided > end, 0, np.where(self.lapsed > end, 1, 2))
        return np.where(self.applied > end, -1, state)


def applications(city: City, year: int) -> Patents:
    """Applications of a year; firms with more R&D apply more often."""
    q, p = city.population, city.p
    rng = stream(q.seed, f"patents-{year}")
    count = max(12, round(_PER_YEAR * q.scale * (1 + _GROWTH * (year - p.base_year))))
    known = max(year, p.base_year)
    weight = np.where(
        q.status[known] == ABOVE,
        4 + np.sqrt(np.maximum(city.base.money["rd_expense"], 0)),
        0.05 * (q.status[known] > 0),
    )
    reached = np.cumsum(weight)
    site = np.searchsorted(reached, rng.random(count) * reached[-1], side="right")
    firm = q.firm[known][np.minimum(site, q.sites - 1)]
    kind = rng.choice(3, count, p=_SHARES)
    applied = days_in_year(np.full(count, year), rng.random(count))
    low, high = _DECIDED[kind].T
    decided = applied + (low + (high - low) * rng.random(count)).astype("timedelta64[D]")
    years = np.where(rng.random(count) < _GRANTED[kind], 0.5 + rng.exponential(_IN_FORCE[kind]), 0)
    lapsed = decided + (365.25 * years).astype("timedelta64[D]")
    lines = city.roles.line_firm
    first, last = np.searchsorted(lines, firm), np.searchsorted(lines, firm, side="right")
    line = first + (rng.random(count) * (last - first)).astype(np.int64)
    drawn = Patents(
        firm=firm,
        product=city.roles.line_product[line],
        kind=kind,
        number=1_000_000 + np.arange(count),
        title=rng.integers(0, 4, count),
        ipc=rng.random(count),
        applied=applied,
        decided=decided,
        lapsed=lapsed,
    )
    registered = np.flatnonzero(applied >= city.registered[firm])
    return Patents(**{name: values[registered] for name, values in vars(drawn).items()})


def patent(city: City, year: int, complete: bool) -> Frame:
    """A row for each patent that is new or changed in the year; with ``complete``, for each patent so far."""
    contract = feed("gov_patent")
    parts, states = [], []
    for applied in range(FIRST_APPLICATIONS, year + 1):
        filed = applications(city, applied)
        state = filed.state(year)
        rows = np.flatnonzero((state >= 0) & (complete | (state != filed.state(year - 1))))
        parts.append(Patents(**{name: values[rows] for name, values in vars(filed).items()}))
        states.append(state[rows])
    every = Patents(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in vars(parts[0])})
    state = np.concatenate(states)
    is_granted = (state > 0) & (every.lapsed > every.decided)
    return Frame(
        contract,
        str(year),
        "",
        {
            "patent_code": application_codes(every),
            "uscc": take(city.codes, every.firm),
            "patent_title": _titles(city, every),
            "patent_kind_code": words(contract, "patent_kind_code", KINDS, every.kind),
            "ipc_code": _classes(city, every),
            "patent_status_code": words(contract, "patent_status_code", _STATES, state),
            "applied_date": dates(contract, "applied_date", every.applied),
            "granted_date": dates(contract, "granted_date", every.decided, ~is_granted),
        },
    )


def application_codes(patents: Patents) -> pa.Array:
    """Year, kind, serial number and check character: weights 2 to 9, then 2 to 5, modulo 11."""
    year = patents.applied.astype("datetime64[Y]").astype(np.int64) + 1970
    base = (year * 10 + patents.kind + 1) * 10**7 + patents.number
    digits = base[:, None] // 10 ** np.arange(11, -1, -1) % 10
    rest = digits @ np.array([2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11
    check = take([*"0123456789X"], rest)
    return pc.binary_join_element_wise(pa.array(base).cast(pa.string()), ".", check, "")


def _titles(city: City, patents: Patents) -> pa.Array:
    pieces = [title.partition("{}") for titles in _TITLES for title in titles]
    which = patents.kind * 4 + patents.title
    name = take(city.roles.products.names, patents.product)
    return pc.binary_join_element_wise(
        take([p[0] for p in pieces], which), name, take([p[2] for p in pieces], which), ""
    )


def _classes(city: City, patents: Patents) -> pa.Array:
    """Main IPC class by the product's division; designs have none."""
    every = sorted({code for codes in [*_IPC.values(), _ELSEWHERE] for code in codes})
    choices = [_IPC.get(code[:2], _ELSEWHERE) for code in city.roles.products.codes]
    table = np.array([[every.index(c[n % len(c)]) for n in range(12)] for c in choices])
    picked = table[patents.product, (patents.ipc * 12).astype(np.int64)]
    return take(every, np.where(patents.kind == 2, -1, picked))
