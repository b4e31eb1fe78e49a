"""The planner chooses a firm for each fault and collects the planned edits and files."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

import numpy as np

from demo_city.faults.plan import TOO_SMALL, Change, Edit, Extra, Outcome
from demo_city.world.city import City
from demo_city.world.draws import stream
from demo_city.world.population import ABOVE, BELOW, LANDED, NONE, ROOMS
from schemas.errors import UsageError

#: Groups of divisions that some rule set exempts.
EXEMPT_GROUPS = ("16", "25", "41-43", "44", "45-46")


class Planner:
    """Collects edits; each firm has at most one fault."""

    def __init__(self, city: City, year: int, period: str) -> None:
        self.city, self.year, self.period = city, year, period
        self.edits: list[Edit] = []
        self.extras: list[Extra] = []
        self.late: dict[tuple[str, str, str], int] = {}
        self.rng = stream(city.population.seed, f"faults-{year}")
        self.taken: set[int] = set()
        q = city.population
        status, change = q.status[year], q.change[year]
        old = city.registered[q.firm[year]] < np.datetime64(f"{year - 4}-12-31")
        exempt = np.isin(q.group, [j for j, d in enumerate(city.p.divisions) if d.group in EXEMPT_GROUPS])
        self.evaluated = ~exempt
        quiet = old & (change == NONE) & (q.giant < 0) & ~q.collective
        now = city.land_in(year)
        quiet[now.holder[now.exists & ~now.is_built]] = False
        quiet &= ~city.moves.ever
        if year - 1 in q.change:
            quiet &= q.change[year - 1] == NONE
        large = np.flatnonzero((status == ABOVE) & quiet & ~exempt & ~q.tail & (q.tenure == LANDED))
        spare = np.flatnonzero((status == ABOVE) & quiet & ~q.tail & ~np.isin(np.arange(q.sites), large))
        self.large = [*self.rng.permutation(large).tolist(), *self.rng.permutation(spare).tolist()]
        self.small = self.rng.permutation(
            np.flatnonzero((status == BELOW) & quiet & (q.tenure == ROOMS))
        ).tolist()

    def site(self, pool: list[int], **having: int) -> int:
        """Take the next site of a pool whose firm has no fault yet.

        Args:
            having: values that the site must have, by column of the population.

        Raises:
            UsageError: no such site is left; the city is too small.
        """
        q = self.city.population
        fits = (
            site
            for site in pool
            if site not in self.taken
            and all(int(getattr(q, name)[site]) == value for name, value in having.items())
        )
        site = next(fits, None)
        if site is None:
            raise UsageError(TOO_SMALL)
        self.taken.add(site)
        return site

    def uscc(self, site: int, year: int | None = None) -> str:
        """Credit code of a site's firm."""
        return str(self.city.uscc(np.array([site]), year or self.year)[0].as_py())

    def name(self, site: int) -> str:
        """Name of a site's firm."""
        return str(self.city.name(np.array([site]), self.year)[0].as_py())

    def district(self, code: str) -> int:
        """Position of a district code in the parameters."""
        return next(i for i, d in enumerate(self.city.p.districts) if d.code == code)

    def add(
        self,
        kind: str,
        feed: str,
        site: int,
        change: dict[str, Change],
        *outcomes: Outcome,
        period: str | None = None,
    ) -> None:
        """Plant a change of a firm's record in a feed.

        Args:
            outcomes: expected outcomes; none if the change is part of another fault.
            period: by default the period of the regular faults.
        """
        monthly = feed in ("gov_tax", "gov_electricity", "gov_social_insurance")
        period = period or (self.period if monthly else str(self.year))
        self.edits.append(Edit(kind, feed, period, {"uscc": self.uscc(site)}, change, outcomes))


def times(factor: str, places: int | None = None) -> Callable[[str], str]:
    """A change that multiplies a number's text, by default with its decimal places kept."""

    def change(text: str) -> str:
        number = Decimal(text)
        exponent = number.as_tuple().exponent if places is None else -places
        assert isinstance(exponent, int)
        return str((number * Decimal(factor)).quantize(Decimal(1).scaleb(exponent), ROUND_HALF_UP))

    return change


def plus(amount: Decimal) -> Callable[[str], str]:
    """A change that adds an amount, rounded to 0.01, to a number's text."""
    return lambda text: str(Decimal(text) + amount.quantize(Decimal("0.01")))
