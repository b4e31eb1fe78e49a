"""Energy quotas, ledgers of rights and the carbon code a second time, in plain Python, day by day.

Source: plan 五(九)4, the rules as jobs/resource/rules/quotas.yml states them, and docs/concepts/quotas.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction


def six(value: Fraction | Decimal) -> Decimal:
    """Six digits, half away from zero."""
    exact = Fraction(value)
    sign = -1 if exact < 0 else 1
    return sign * Decimal((abs(exact) * 10**6 * 2 + 1) // 2).scaleb(-6)


# --- energy quotas ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Firm:
    """Figures of a firm above scale in a year."""

    uscc: str
    year: int
    district: str
    division: str | None
    value_added: Decimal | None
    energy: Decimal | None


@dataclass(frozen=True)
class Quota:
    """A firm's quota by the standard, its district's part, and what a grade takes."""

    full: Decimal
    reserve: Decimal
    cut: Decimal

    @property
    def own(self) -> Decimal:
        return self.full - self.reserve - self.cut


def quotas(
    firms: Iterable[Firm],
    cuts: Mapping[tuple[str, int], Decimal],
    *,
    base_year: int,
    reduction: Mapping[str, Decimal],
    usual_reduction: Decimal,
    growth: Decimal,
    reserve: Decimal,
) -> dict[tuple[str, int], Quota]:
    """Quota of each firm and year after the base year; rates in percent."""
    known = list(firms)
    both = [f for f in known if f.energy is not None and f.value_added is not None]
    base = base_year if any(f.year == base_year for f in both) else min(f.year for f in both)
    energy: dict[str, Decimal] = defaultdict(Decimal)
    added: dict[str, Decimal] = defaultdict(Decimal)
    for f in both:
        if f.year == base and f.division:
            energy[f.division] += f.energy or 0
            added[f.division] += max(f.value_added or Decimal(0), Decimal(0))
    before = {(f.uscc, f.year + 1): f.value_added for f in known}
    found = {}
    for f in known:
        if f.year <= base:
            continue
        standard = None
        if f.division in added and added[f.division] > 0:
            rate = reduction.get(f.division, usual_reduction)
            left = ((1 - rate / 100) ** (f.year - base)).quantize(Decimal("0.000001"))
            standard = six(six(Fraction(energy[f.division]) / Fraction(added[f.division])) * left)
        was = before.get((f.uscc, f.year))
        planned = six(max(was, Decimal(0)) * (1 + growth / 100)) if was is not None else Decimal(0)
        full = six(planned * standard) if standard is not None else Decimal(0)
        part = six(full * reserve / 100)
        found[f.uscc, f.year] = Quota(full, part, min(cuts.get((f.uscc, f.year), Decimal(0)), full - part))
    return found


# --- ledgers ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A row of a register: sale, lease or pledge."""

    code: str
    kind: str
    giver: str
    taker: str
    amount: Decimal
    first: date
    last: date | None


class Year:
    """A pool in one year, walked through day by day."""

    def __init__(self, year: int, opening: Mapping[str, Decimal]) -> None:
        self.year = year
        self.free = dict(opening)
        self.leased_in = dict.fromkeys(opening, Decimal(0))
        self.pledged = dict.fromkeys(opening, Decimal(0))
        self.refused: set[str] = set()

    def walk(self, rows: Iterable[Row]) -> None:
        day, end, waiting = date(self.year, 1, 1), date(self.year, 12, 31), sorted(rows, key=lambda r: r.code)
        running: list[Row] = []
        done: set[str] = set()
        while day <= end:
            for row in [r for r in running if r.last is not None and r.last + timedelta(1) == day]:
                running.remove(row)
                self.free[row.giver] += row.amount
                if row.kind == "lease":
                    self.leased_in[row.taker] -= row.amount
                else:
                    self.pledged[row.giver] -= row.amount
            for row in waiting:
                if row.code in done or max(row.first, date(self.year, 1, 1)) != day:
                    continue
                done.add(row.code)
                if self._bears(row):
                    self._book(row)
                    if row.kind != "sale":
                        running.append(row)
                else:
                    self.refused.add(row.code)
            day += timedelta(1)

    def _bears(self, row: Row) -> bool:
        return (
            row.amount > 0
            and (row.last is None or row.last >= row.first)
            and row.giver != row.taker
            and row.giver in self.free
            and (row.kind == "pledge" or row.taker in self.free)
            and self.free[row.giver] >= row.amount
        )

    def _book(self, row: Row) -> None:
        self.free[row.giver] -= row.amount
        if row.kind == "sale":
            self.free[row.taker] += row.amount
        elif row.kind == "lease":
            self.leased_in[row.taker] += row.amount
        else:
            self.pledged[row.giver] += row.amount

    def held(self) -> dict[str, Decimal]:
        """What each account may use at the end of the year."""
        return {one: self.free[one] + self.leased_in[one] + self.pledged[one] for one in self.free}


def years(
    openings: Mapping[int, Mapping[str, Decimal]], registers: Mapping[int, Iterable[Row]]
) -> dict[int, Year]:
    """All years of a pool; what is refused in its first year never takes effect."""
    seen: set[Row] = set()
    never: set[Row] = set()
    found = {}
    for year in sorted(registers):
        rows = list(registers[year])
        pool = Year(year, openings.get(year, {}))
        pool.walk(row for row in rows if row not in never)
        new = {row for row in rows if row.code in pool.refused and row not in seen}
        pool.refused |= {row.code for row in rows if row in never}
        never |= new
        seen |= set(rows)
        found[year] = pool
    return found


# --- carbon code -----------------------------------------------------------------------------------------


def carbon(
    power_kwh: Decimal, calorific_tce: Decimal, *, per_mwh: Decimal, per_kwh_kgce: Decimal, per_tce: Decimal
) -> Decimal:
    """Tons of CO2 of electricity and of the rest of the energy."""
    mwh = six(power_kwh / 1000)
    fuel = max(calorific_tce - six(mwh * per_kwh_kgce), Decimal(0))
    return six(mwh * per_mwh) + six(fuel * per_tce)


def level(value: Decimal, bounds: Iterable[Decimal]) -> int:
    """1 and one more for each bound that the value is above."""
    return 1 + sum(value > bound for bound in bounds)
