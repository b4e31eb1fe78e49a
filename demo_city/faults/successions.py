"""Changes of identity (主体变更): what the registry reports, and the codes under which the firms' records arrive.

Every year the registry reports some new branches that send no data. In addition, cases are planted: the same number at
every scale, none in the base year. ``identities.json`` lists them with their firms; the platform never reads it. The
registry reports them in the first year after the base year, unless noted:

* three absorptions, two of which form a chain; its second absorption is reported in the last year. The first two
  absorbed firms are not in the directory of later years. Meter accounts and land certificates still name them, and for
  one of them so do tax and social insurance;
* two splits; four branches with codes of their own that report a fifth of their head's electricity and tax; three firms
  with new credit codes, for which the power supplier still uses the old ones; two groups;
* contradictions: two firms with one organisation code, one meter account of two firms in the same year, one certificate
  with two holders, and a firm that two others claim to have absorbed.

The module stays in one piece, above 300 lines: the cases draw their firms from shared pools and fill one truth list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo_city.faults.plan import TOO_SMALL, Edit
from demo_city.frame import Frame
from demo_city.senders.electricity import meter_accounts
from demo_city.senders.land import holder_codes, parcel_codes
from demo_city.senders.months import FIRST_MONTHLY_YEAR
from demo_city.world.city import Change, City
from demo_city.world.draws import Ints, stream
from demo_city.world.identity import credit_codes
from demo_city.world.names import SYNTHETIC, styles
from demo_city.world.population import ABSENT, BELOW, LANDED, NONE
from schemas.errors import UsageError

Truth = dict[str, Any]

#: Divisor: a branch reports a fifth of its head's electricity and tax.
_BRANCH_PART = 5
#: Months in which the disputed meter account names another firm.
_DISPUTED_MONTHS = (4, 5, 6)


@dataclass
class Identities:
    """Planted cases: edits of files, rows of branches, and the truth list."""

    edits: list[Edit] = field(default_factory=list)
    #: Credit code of a branch → credit code of its head.
    branches: dict[str, str] = field(default_factory=dict)
    #: First year in which the branches report, and their meter accounts.
    since: int = 9999
    accounts: list[str] = field(default_factory=list)
    truth: list[Truth] = field(default_factory=list)


def plan_identities(city: City, years: tuple[int, ...], taken: frozenset[int]) -> Identities:
    """Choose the firms and plan the edits; also fills ``city.changes``, which the registry reports.

    Args:
        taken: sites of the firms with a planted fault.

    Raises:
        UsageError: the city is too small.
    """
    for year in range(years[0], max(city.population.status) + 1):
        city.changes[year] = list(_silent_branches(city, year))
    later = [y for y in years if y > city.p.base_year]
    if not later:
        return Identities()
    planner = _Planner(city, later, taken)
    planner.absorptions()
    planner.splits()
    planner.branches()
    planner.new_codes()
    planner.groups()
    planner.contradictions()
    for number, case in enumerate(planner.planned.truth, start=1):
        case["id"] = f"I{number:02d}"
    return planner.planned


#: New branches that the registry reports in a year at scale 1, and the minimum at any scale.
_REPORTED, _FEWEST_REPORTED = 60, 2


def _silent_branches(city: City, year: int) -> Iterator[Change]:
    q = city.population
    rng = stream(q.seed, f"branches-{year}")
    count = max(_FEWEST_REPORTED, round(_REPORTED * q.scale))
    heads = rng.choice(q.in_year(year), count, replace=False)
    serial = _SILENT + (year - city.p.base_year) * 10_000 + np.arange(count)
    codes = _codes(city, heads, serial)
    for code, head, day in zip(
        codes, city.uscc(heads, year).to_pylist(), rng.integers(0, 365, count), strict=True
    ):
        yield Change("branch", code, head, np.datetime64(f"{year}-01-01") + int(day), "设立分支机构")


def _codes(city: City, sites: Any, serial: Any) -> list[str]:
    districts = [d.code for d in city.p.districts]
    return credit_codes("91", districts, city.population.district[sites], serial, city.population.seed)


#: First serial numbers of codes outside the directory: branches that send no data, former codes, branches that report.
_SILENT, _FORMER, _BRANCH = 25_000_000, 26_000_000, 27_000_000


class _Planner:
    """Collects the cases; each firm is in one case only.

    One class, longer than others: every case adds to the same edits, changes and truth list.
    """

    def __init__(self, city: City, years: list[int], taken: frozenset[int]) -> None:
        self.city, self.years = city, years
        self.year, self.last = years[0], years[-1]
        self.planned = Identities(since=self.year)
        q = city.population
        quiet = (q.giant < 0) & ~q.collective & ~city.moves.ever & ~np.isin(np.arange(q.sites), list(taken))
        quiet &= city.registered[np.maximum(q.firm[self.year], 0)] < np.datetime64(f"{self.year - 4}-12-31")
        for year in [self.year - 1, *years]:
            quiet &= (
                (q.status[year] == BELOW) & (q.change[year] == NONE) & (q.firm[year] == q.firm[self.year])
            )
        order = stream(q.seed, "identities").permutation(np.flatnonzero(quiet))
        # firms that stay in the directory longest come first, so that a case outlasts the planned years
        self.stays = self._years_in_directory()
        order = order[np.argsort(-self.stays[order], kind="stable")]
        land = city.land
        titled = land.has_certificate & land.has_holder_code & (land.holder >= 0)
        titled &= city.land_in(self.year).exists & ~city.land_in(self.last).is_transferred
        self.parcel_of = {int(land.holder[n]): int(n) for n in np.flatnonzero(titled)[::-1]}
        self.titled = iter([s for s in order.tolist() if q.tenure[s] == LANDED and s in self.parcel_of])
        self.others = iter([s for s in order.tolist() if q.tenure[s] != LANDED])

    def _years_in_directory(self) -> Ints:
        """Years from the first planned one on in which each site keeps its firm."""
        q = self.city.population
        stays, count = np.ones(q.sites, dtype=bool), np.zeros(q.sites, dtype=np.int64)
        for year in range(self.year, max(q.status) + 1):
            stays &= (q.status[year] != ABSENT) & (q.firm[year] == q.firm[self.year])
            count += stays
        return count

    def _titled(self) -> tuple[int, str]:
        """The next firm with a parcel that has a certificate and the holder's code."""
        return self._next(self.titled)

    def _other(self) -> tuple[int, str]:
        """The next firm without land of its own."""
        return self._next(self.others)

    def _next(self, pool: Iterator[int]) -> tuple[int, str]:
        """Site and credit code of a firm that stays the same in all years."""
        site = next(pool, None)
        if site is None:
            raise UsageError(TOO_SMALL)
        return site, str(self.city.uscc(np.array([site]), self.year)[0].as_py())

    def _report(self, change: Change, year: int | None = None) -> None:
        self.city.changes[year or self.year].append(change)

    def _case(self, case: str, **facts: Any) -> None:
        self.planned.truth.append({"id": "", "case": case, "told": str(self.year), **facts})

    def _periods(self, since: int, site: int, *, monthly: bool) -> list[str]:
        """Periods of a feed from a year on, while the site keeps its firm."""
        periods: list[str] = []
        for year in range(since, self.year + int(self.stays[site])):
            by_month = monthly and year >= FIRST_MONTHLY_YEAR
            periods += [f"{year}-{m:02d}" for m in range(1, 13)] if by_month else [str(year)]
        return periods

    def _edit(
        self, case: str, feed_name: str, site: int, where: dict[str, str], since: int, **more: Any
    ) -> None:
        monthly = feed_name in ("gov_tax", "gov_electricity", "gov_social_insurance", "gov_water")
        for period in self._periods(since, site, monthly=monthly):
            self.planned.edits.append(Edit(case, feed_name, period, where, **more))

    def _account(self, site: int) -> str:
        """Meter account of a firm below scale; such a firm has exactly one."""
        meters = np.flatnonzero(self.city.meter_site == site)
        return str(meter_accounts(self.city, meters)[0].as_py())

    def absorptions(self) -> None:
        """A is absorbed by B, and C by D; D is absorbed by E in the last year."""
        (a, a_code), (c, c_code) = self._titled(), self._titled()
        (_, b_code), (_, d_code), (_, e_code) = self._other(), self._other(), self._other()
        chain = (
            (a_code, b_code, f"{self.year}-06-30", self.year),
            (c_code, d_code, f"{self.year}-03-31", self.year),
            (d_code, e_code, f"{self.last}-05-15", self.last),
        )
        for before, after, day, year in chain:
            self._report(Change("merge", before, after, np.datetime64(day), "吸收合并"), year)
        for site, code in ((a, a_code), (c, c_code)):
            self._edit(
                "absorption", "gov_statistics_directory", site, {"uscc": code}, self.year + 1, drop=True
            )
            if site == a:
                for name in ("gov_tax", "gov_social_insurance"):
                    self._edit("absorption", name, site, {"uscc": code}, self.year + 1, drop=True)
        accounts = {code: self._account(site) for site, code in ((a, a_code), (c, c_code))}
        for before, after, day, year in chain:
            case = {"told": str(year), "from": before, "to": after, "date": day}
            if before in accounts:
                case |= {
                    "meter_account": accounts[before],
                    "certificate": self._certificate(a if before == a_code else c),
                }
            self._case("absorption", **case)

    def _certificate(self, site: int) -> str:
        return self.city.certificate(self.parcel_of[site], self.year)

    def splits(self) -> None:
        """Two firms split off a part as a firm that is new in the year."""
        q = self.city.population
        born = [
            n
            for n in np.flatnonzero(q.firm_born == self.year).tolist()
            if q.firm[self.year][q.firm_site[n]] == n
        ]
        if len(born) < 2:
            raise UsageError(TOO_SMALL)
        for firm in (born[0], born[-1]):
            (_, code), new = self._other(), str(self.city.codes[firm].as_py())
            day = f"{self.year}-01-31"
            self._report(Change("split", code, new, np.datetime64(day), "派生分立"))
            self._case("split", **{"from": code, "to": new, "date": day})

    def branches(self) -> None:
        """Four firms have a branch with a code of its own, which reports a part of their electricity and tax."""
        heads = [self._other() for _ in range(4)]
        codes = _codes(self.city, np.array([s for s, _ in heads]), _BRANCH + np.arange(len(heads)))
        for (_, head), code in zip(heads, codes, strict=True):
            day = f"{self.year - 1}-10-01"
            self._report(Change("branch", code, head, np.datetime64(day), "分支机构独立报送"))
            self.planned.branches[code] = head
            # a meter account that no site has
            meter = np.array([len(self.city.meter_site) + len(self.planned.accounts)])
            self.planned.accounts += meter_accounts(self.city, meter).to_pylist()
            self._case("branch", **{"from": code, "to": head, "date": day})

    def new_codes(self) -> None:
        """Three firms have a new code; the power supplier uses the former one, the registry its organisation code."""
        firms = [self._other() for _ in range(3)]
        before = _codes(self.city, np.array([s for s, _ in firms]), _FORMER + np.arange(len(firms)))
        for (site, code), old in zip(firms, before, strict=True):
            day = f"{self.year - 1}-07-01"
            self._report(Change("succession", old, code, np.datetime64(day), "一照一码换发新代码"))
            self._edit("new_code", "gov_electricity", site, {"uscc": code}, self.year, change={"uscc": old})
            self._register(site, old[8:17])
            self._case("new_code", **{"from": old, "to": code, "date": day, "organisation_code": old[8:17]})

    def _register(self, site: int, organisation_code: str) -> None:
        """Let the registry report the firm again, with this organisation code from now on."""
        firm = int(self.city.population.firm[self.year][site])
        self.city.organisation_codes[firm] = (self.year, organisation_code)
        self.city.reported_again.setdefault(self.year, []).append(firm)

    def groups(self) -> None:
        """Two controllers with the holding shares of their members, in percent."""
        for number, shares in enumerate(((100, 80, 51), (100, 75, 60, 51, 34)), start=1):
            controller = self._other()[1]
            members = {self._other()[1]: share for share in shares}
            style = styles(np.array([number]))[0].as_py()
            code, name = f"JT3302{number:04d}", f"宁波{style}集团{SYNTHETIC}"
            day = f"{self.year - 1}-01-01"
            for member, share in members.items():
                self._report(
                    Change(
                        "group",
                        member,
                        controller,
                        np.datetime64(day),
                        "纳入集团登记",
                        code,
                        name,
                        share * 100,
                    )
                )
            self._case("group", group_code=code, controller=controller, members=members)

    def contradictions(self) -> None:
        """Identifiers with two claimants; the meter account only if there are monthly files."""
        self._one_organisation_code()
        if self.last >= FIRST_MONTHLY_YEAR:
            self._one_account()
        self._one_certificate()
        (_, code), first, second = self._other(), self._other()[1], self._other()[1]
        for claimant in (first, second):
            self._report(Change("merge", code, claimant, np.datetime64(f"{self.year}-08-01"), "吸收合并"))
        self._dispute("two_successors", "former_uscc", code, first, second)

    def _dispute(
        self, reason: str, kind: str, identifier: str, *claimants: str, year: int | None = None
    ) -> None:
        facts = {"told": str(year or self.year), "kind": kind, "identifier": identifier}
        self._case("contradiction", **facts, reason=reason, claimants=sorted(claimants))

    def _one_organisation_code(self) -> None:
        (site, code), (_, owner) = self._other(), self._other()
        self._register(site, owner[8:17])
        self._dispute("two_claimants", "organisation_code", owner[8:17], code, owner)

    def _one_account(self) -> None:
        (site, code), (_, other) = self._other(), self._other()
        account = self._account(site)
        for month in _DISPUTED_MONTHS:
            self.planned.edits.append(
                Edit(
                    "one_account", "gov_electricity", f"{self.last}-{month:02d}",
                    {"meter_account_code": account}, change={"uscc": other},
                )
            )  # fmt: skip
        self._dispute("overlapping_use", "meter_account", account, code, other, year=self.last)

    def _one_certificate(self) -> None:
        (site, code), (second, other) = self._titled(), self._titled()
        certificate = self._certificate(site)
        parcel = str(parcel_codes(self.city)[self.parcel_of[second]].as_py())
        assert holder_codes(self.city, np.array([self.parcel_of[second]]), self.year)[0].as_py() == other
        change = {"certificate_code": certificate}
        self._edit(
            "one_certificate", "gov_land_parcel", second, {"parcel_id": parcel}, self.year, change=change
        )
        self._dispute("overlapping_use", "certificate", certificate, code, other)


def with_branches(frame: Frame, identities: Identities) -> Frame:
    """Electricity and tax with rows of branches appended: a fifth of their head's row, which keeps the rest."""
    if frame.feed not in ("gov_tax", "gov_electricity") or int(frame.period[:4]) < identities.since:
        return frame
    columns = dict(frame.columns)
    for number, (code, head) in enumerate(identities.branches.items()):
        row = pc.index(columns["uscc"], head).as_py()
        if row < 0:
            continue
        added: dict[str, Any] = {"uscc": code}
        if frame.feed == "gov_electricity":
            added["meter_account_code"] = identities.accounts[number]
        columns = {name: _split(column, row, added.get(name)) for name, column in columns.items()}
    return Frame(frame.contract, frame.period, frame.part, columns)


def _split(column: pa.Array, row: int, word: str | None) -> pa.Array:
    """The column with one row appended: ``word``, the same text, or the part taken from a number in ``row``."""
    value = column[row].as_py()
    if not isinstance(value, Decimal):
        return pa.concat_arrays([column, pa.array([value if word is None else word], column.type)])
    part = (value / _BRANCH_PART).quantize(Decimal(1).scaleb(-column.type.scale))
    kept = pa.array([value - part], column.type)
    return pa.concat_arrays([column[:row], kept, column[row + 1 :], pa.array([part], column.type)])
