"""Faults planted in the demo city's files (埋设的差错), each with what the platform must make of it.

Their number does not depend on the scale. The truth list goes to ``planted_faults.json``; the platform never
reads it, tests do. Regular faults lie in one year, so that the base year stays clean: the latest year before
the monthly feeds begin, or the only year there is.

Outcomes, by ``type``:

* ``quarantined``: the record lies in quarantine with ``reason`` (column:rule);
* ``accepted``: the record is taken in; where ``table`` and ``column`` are named it shows ``value`` there;
* ``flag``: ``column`` of ``table`` holds ``value`` for the key;
* ``population``: the firm is in the population, with ``status`` where one is named;
* ``superseded``: the cell now has ``value`` (in the sender's unit), or the row is gone (``row_absent``);
* ``scaled``: the parcel's uses are scaled to its area in ``table``;
* ``duplicate``: the file is skipped, its bytes were taken in before;
* ``late``: the file comes ``days`` after the time its contract allows, and is taken in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo_city.delivery import Frame, source_row
from demo_city.senders import devices, innovation, market
from demo_city.senders.land import Uses, holder_codes, land_uses, parcel_codes
from demo_city.senders.months import FIRST_MONTHLY_YEAR, period_of
from demo_city.world.city import City
from demo_city.world.draws import stream
from demo_city.world.figures import TAXES
from demo_city.world.identity import broken
from demo_city.world.land import LET_WHOLLY
from demo_city.world.population import ABOVE, BELOW, LANDED, NONE, ROOMS
from schemas.errors import UsageError

Change = str | None | Callable[[str], str]
Outcome = dict[str, Any]
#: Days beyond the time allowed by which the late file comes.
DAYS_LATE = 45
TOO_SMALL = "the demo city is too small for its planted faults: raise its scale"
_EXEMPT_GROUPS = ("16", "25", "41-43", "44", "45-46")


@dataclass(frozen=True)
class Edit:
    """A change of one record of a delivery, and what must come of it (no outcome: part of another fault)."""

    kind: str
    feed: str
    period: str
    where: dict[str, str]
    change: dict[str, Change] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    part: str = ""
    drop: bool = False


@dataclass(frozen=True)
class Extra:
    """A further file of a period: a copy of the regular one, or a corrected snapshot."""

    feed: str
    period: str
    suffix: str
    days_late: int
    edits: tuple[Edit, ...] = ()
    part: str = ""


@dataclass(frozen=True)
class Plan:
    edits: tuple[Edit, ...]
    extras: tuple[Extra, ...]
    #: (feed, period, part) of files sent late.
    late: dict[tuple[str, str, str], int]
    #: Sites that faults concern.
    taken: frozenset[int] = frozenset()

    def edits_of(self, frame: Frame) -> list[Edit]:
        place = (frame.feed, frame.period, frame.part)
        return [e for e in self.edits if (e.feed, e.period, e.part) == place]

    def extras_of(self, frame: Frame) -> list[Extra]:
        place = (frame.feed, frame.period, frame.part)
        return [e for e in self.extras if (e.feed, e.period, e.part) == place]


# --- applying ----------------------------------------------------------------------------------------


def apply(frame: Frame, edits: Iterable[Edit], file: str) -> tuple[Frame, list[dict[str, Any]]]:
    """The frame with the edits made, and their entries of the truth list (without ``id``)."""
    edits = list(edits)
    columns = dict(frame.columns)
    for name in {name for e in edits for name in e.change}:
        columns[name] = columns[name].cast(pa.string())
    texts = {name: columns[name].to_pylist() for name in {n for e in edits for n in e.change}}
    rows = [_find(frame, edit) for edit in edits]
    dropped = [row for row, edit in zip(rows, edits, strict=True) if edit.drop]
    truth = []
    for row, edit in zip(rows, edits, strict=True):
        for name, change in edit.change.items():
            texts[name][row] = change(texts[name][row]) if callable(change) else change
        cells = {frame.source.mapping[name].heading: texts[name][row] for name in edit.change}
        key: dict[str, Any] = {**edit.where, **{n: texts[n][row] for n in edit.where if n in texts}}
        if not edit.drop:
            key["row"] = source_row(frame.source, row - sum(d < row for d in dropped))
        truth += [
            {
                "kind": edit.kind,
                "feed": frame.feed,
                "period": frame.period,
                "part": frame.part,
                "file": file,
                "key": key,
                "cells": cells,
                "outcome": outcome,
            }
            for outcome in edit.outcomes
        ]
    columns |= {name: pa.array(values, type=pa.string()) for name, values in texts.items()}
    if dropped:
        kept = np.setdiff1d(np.arange(frame.rows), dropped)
        columns = {name: column.take(pa.array(kept)) for name, column in columns.items()}
    return replace(frame, columns=columns), truth


def _find(frame: Frame, edit: Edit) -> int:
    mask = None
    for name, value in edit.where.items():
        match = pc.equal(frame.columns[name].cast(pa.string()), value)
        mask = match if mask is None else pc.and_(mask, match)
    row = pc.index(pc.fill_null(mask, False), True).as_py()
    if row < 0:
        raise LookupError(f"{edit.kind}: no record {edit.where} in {frame.feed} {frame.period} {frame.part}")
    return int(row)


# --- planning ----------------------------------------------------------------------------------------


def plan_faults(city: City, years: tuple[int, ...]) -> Plan:
    """Choose the victims and plan what is planted; also tells the registry whom to report again."""
    yearly = [y for y in years if y < FIRST_MONTHLY_YEAR]
    monthly = [y for y in years if y >= FIRST_MONTHLY_YEAR]
    year = yearly[-1] if yearly else years[0]
    planner = _Planner(city, year, f"{year}-03" if year >= FIRST_MONTHLY_YEAR else str(year))
    planner.identity()
    planner.figures(has_annual=bool(yearly))
    planner.registry(years)
    planner.events()
    planner.land()
    planner.deliveries(has_annual=bool(yearly))
    if monthly:
        planner.cumulative(monthly[0])
        planner.customs(monthly[0])
    if devices.YEAR in years:
        planner.meters()
    planner.products()
    if market.TRADES_YEAR in years:
        planner.trades()
    return Plan(tuple(planner.edits), tuple(planner.extras), planner.late, frozenset(planner.taken))


def _quarantined(reason: str) -> Outcome:
    return {"type": "quarantined", "reason": reason}


_INCOMPLETE: Outcome = {"type": "population", "status": "data_incomplete"}
_ACCEPTED: Outcome = {"type": "accepted"}


class _Planner:
    """Collects edits; each firm is the victim of one fault only."""

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
        exempt = np.isin(q.group, [j for j, d in enumerate(city.p.divisions) if d.group in _EXEMPT_GROUPS])
        quiet = old & (change == NONE) & (q.giant < 0) & ~q.collective
        building = np.unique(city.land.holder[city.land.in_construction & (city.land.holder >= 0)])
        quiet[building] = False
        if year - 1 in q.change:
            quiet &= q.change[year - 1] == NONE
        large = np.flatnonzero((status == ABOVE) & quiet & ~exempt & ~q.tail & (q.tenure == LANDED))
        spare = np.flatnonzero((status == ABOVE) & quiet & ~q.tail & ~np.isin(np.arange(q.sites), large))
        self.large = [*self.rng.permutation(large).tolist(), *self.rng.permutation(spare).tolist()]
        self.small = self.rng.permutation(
            np.flatnonzero((status == BELOW) & quiet & (q.tenure == ROOMS))
        ).tolist()

    def _site(self, pool: list[int], **having: int) -> int:
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

    def _uscc(self, site: int, year: int | None = None) -> str:
        return str(self.city.uscc(np.array([site]), year or self.year)[0].as_py())

    def _name(self, site: int) -> str:
        return str(self.city.name(np.array([site]), self.year)[0].as_py())

    def _district(self, code: str) -> int:
        return next(i for i, d in enumerate(self.city.p.districts) if d.code == code)

    def _add(
        self,
        kind: str,
        feed: str,
        site: int,
        change: dict[str, Change],
        *outcomes: Outcome,
        period: str | None = None,
    ) -> None:
        monthly = feed in ("gov_tax", "gov_electricity", "gov_social_insurance")
        place = period or (self.period if monthly else str(self.year))
        self.edits.append(Edit(kind, feed, place, {"uscc": self._uscc(site)}, change, outcomes))

    def identity(self) -> None:
        """Credit codes, districts and industries in the directory and beside it."""
        bad: dict[str, Change] = {"uscc": broken}
        check = _quarantined("uscc:check")
        self._add("wrong_check_digit_tax", "gov_tax", self._site(self.large), bad, check)
        self._add("wrong_check_digit_tax", "gov_tax", self._site(self.small), bad, check)
        for _ in range(2):
            self._add("wrong_check_digit_electricity", "gov_electricity", self._site(self.small), bad, check)
        flag = {
            "type": "flag",
            "table": "core.enterprise",
            "column": "identity_flags",
            "value": "invalid_uscc",
        }
        directory = "gov_statistics_directory"
        # The firm of a broken code has no other data: it stays, whatever its status is then called.
        stays = {"type": "population"}
        self._add("wrong_check_digit_directory", directory, self._site(self.large), bad, check, flag, stays)
        self._add("wrong_check_digit_directory", directory, self._site(self.small), bad, check, flag, stays)
        unknown: dict[str, Change] = {"industry_code": "3999"}
        code = _quarantined("industry_code:code")
        self._add("unknown_industry_directory", directory, self._site(self.large), unknown, code, _INCOMPLETE)
        self._add("unknown_industry_directory", directory, self._site(self.small), unknown, code, stays)
        self._add(
            "unknown_code_word",
            directory,
            self._site(self.small),
            {"directory_change_code": "转入"},
            _quarantined("directory_change_code:code"),
            stays,
        )
        self._add(
            "missing_required",
            directory,
            self._site(self.small),
            {"enterprise_name": None},
            _quarantined("enterprise_name:missing"),
            stays,
        )
        self._add(
            "district_outside_ningbo",
            directory,
            self._site(self.small),
            {"reported_district_code": "330602"},
            _quarantined("reported_district_code:pattern"),
        )
        for successor, former, count in (("330212", "330204", 3), ("330213", "330283", 2)):
            shown = {**_ACCEPTED, "table": "core.enterprise", "column": "district_code", "value": successor}
            for _ in range(count):
                site = self._site(self.small, district=self._district(successor))
                self._add("old_district_code", directory, site, {"reported_district_code": former}, shown)
        for site in np.flatnonzero(self.city.population.collective).tolist():
            self._add("valid_code_stdnum_rejects", directory, site, {}, _ACCEPTED)

    def figures(self, has_annual: bool) -> None:
        """Taxes, electricity, insurance, energy and annual statistics."""
        vat, vat_type = "tax_vat_wan_yuan", _quarantined("tax_vat_wan_yuan:type")
        self._add(
            "tax_quarantined_graded", "gov_tax", self._site(self.large), {vat: "1.2亿"}, vat_type, _INCOMPLETE
        )
        self._add("unit_slip_unparsable", "gov_tax", self._site(self.small), {vat: "3500万"}, vat_type)
        slip: dict[str, Change] = {f"tax_{key}_wan_yuan": _times("0.0001") for key in TAXES}
        self._add("unit_slip_parsable", "gov_tax", self._site(self.large), slip, _ACCEPTED)
        for site in (self._site(self.large), self._site(self.small)):
            missing = _quarantined("tax_vat_wan_yuan:missing")
            outcomes = (missing, _INCOMPLETE) if site in self.large else (missing,)
            self._add("missing_required", "gov_tax", site, {vat: None}, *outcomes)
        power = "power_kwh"
        many: dict[str, Change] = {power: _times("10000")}
        self._add("unit_slip_parsable", "gov_electricity", self._site(self.small), many, _ACCEPTED)
        self._add(
            "out_of_domain",
            "gov_electricity",
            self._site(self.small),
            {power: "-1.5000"},
            _quarantined("power_kwh:domain"),
        )
        insured = "insured_count"
        domain, kind = _quarantined("insured_count:domain"), _quarantined("insured_count:type")
        self._add("out_of_domain", "gov_social_insurance", self._site(self.small), {insured: "-5"}, domain)
        self._add("not_a_number", "gov_social_insurance", self._site(self.small), {insured: "约20人"}, kind)
        if not has_annual:
            return
        annual = "gov_statistics_annual"
        self._add(
            "unit_slip_unparsable",
            annual,
            self._site(self.large),
            {"revenue_wan_yuan": "1.2亿"},
            _quarantined("revenue_wan_yuan:type"),
            _INCOMPLETE,
        )
        negative: dict[str, Change] = {"value_added_wan_yuan": lambda text: f"-{abs(int(text)) // 3 + 1}"}
        self._add("negative_value_added", annual, self._site(self.large), negative, _ACCEPTED)
        site = self._site(self.large)
        revenue = int(self.city.year(self.year).money["revenue"][site])
        self._add("rd_above_revenue", annual, site, {"rd_expense_wan_yuan": str(revenue * 3 // 2)}, _ACCEPTED)

    def registry(self, years: tuple[int, ...]) -> None:
        """Renamed firms, a bad date, and a firm that moved out of Ningbo."""
        register, year = "gov_business_registry", self.year
        again = self.city.reported_again.setdefault(year, [])
        for site in (self._site(self.large), self._site(self.small)):
            again.append(int(self.city.population.firm[year][site]))
            old = self._name(site)
            new = old.replace("有限公司", "科技股份有限公司")
            shown = {**_ACCEPTED, "table": "core.enterprise", "column": "former_name", "value": old}
            self._add("renamed", register, site, {"enterprise_name": new, "former_name": old}, shown)
            for later in (y for y in years if y >= year):
                if self._uscc(site, later) == self._uscc(site) and self.city.population.status[later][site]:
                    self._add(
                        "renamed",
                        "gov_statistics_directory",
                        site,
                        {"enterprise_name": new},
                        period=str(later),
                    )
        born = np.flatnonzero(self.city.population.firm_born == year)
        if year == self.city.p.base_year:
            born = np.array([self.city.population.firm[year][self._site(self.small)]])
        firm = int(born[len(born) // 2])
        where = {"uscc": str(self.city.codes[firm].as_py())}
        self.edits.append(
            Edit(
                "bad_date",
                register,
                str(year),
                where,
                {"registered_date": f"{year}-02-30"},
                (_quarantined("registered_date:date"),),
            )
        )
        site = self._site(self.small)
        again.append(int(self.city.population.firm[year][site]))
        self._add(
            "district_outside_ningbo",
            register,
            site,
            {"reported_district_code": "330602"},
            _quarantined("reported_district_code:pattern"),
        )

    def events(self) -> None:
        """Excel and JSON feeds of events and emissions."""
        year = str(self.year)
        level = (_quarantined("level_code:code"),)
        first = {"event_id": f"RY-{year}-00001"}
        self.edits.append(
            Edit("unknown_code_word", "gov_honour", year, first, {"level_code": "镇街级"}, level)
        )
        word = (_quarantined("penalty_code:code"),)
        first = {"event_id": f"CF-{year}-00001"}
        self.edits.append(
            Edit("unknown_code_word", "gov_penalty", year, first, {"penalty_code": "其他"}, word)
        )
        q = self.city.population
        permitted = [s for s in self.large if self.city.base.has_permit[s]]
        site = self._site(permitted or [int(np.flatnonzero((q.giant >= 0) & self.city.base.has_permit)[0])])
        self._add("not_a_number", "gov_emission", site, {"nh3n_t": "未检出"}, _quarantined("nh3n_t:type"))

    def land(self) -> None:
        """Units, over-allotted parcels, code words and dates in the land survey; unusual holders."""
        city, year = self.city, self.year
        land, uses = city.land, land_uses(city, year)
        leased = (uses.kind > 0) & ~land.floor_share_only[uses.site] & ~np.isin(uses.site, list(self.taken))
        rows = self.rng.permutation(np.flatnonzero(leased))
        own = np.flatnonzero((uses.kind == 0) & (city.population.giant[uses.site] < 0))
        own = own[~np.isin(uses.site[own], list(self.taken))]
        biggest = int(own[np.argmax(uses.area[own])])
        busy = {int(uses.parcel[biggest])}

        def lease(fits: Callable[[int], bool]) -> int:
            for row in rows.tolist():
                if int(uses.parcel[row]) not in busy and fits(row):
                    busy.add(int(uses.parcel[row]))
                    return int(row)
            raise UsageError(TOO_SMALL)

        scaled = {"type": "scaled", "table": "core.parcel_use"}
        square_metres: dict[str, Change] = {"surveyed_area_mu": _times(str(Decimal(2000) / 3))}
        for _ in range(2):
            row = lease(lambda r: 50 <= uses.area[r] <= 2500)
            self._use("square_metres_as_mu", uses, row, square_metres, scaled)
        for _ in range(2):
            row = lease(lambda r: land.kind[uses.parcel[r]] == LET_WHOLLY and uses.kind[r] == 1)
            more: dict[str, Change] = {
                "surveyed_area_mu": _plus(Decimal(int(land.area[uses.parcel[row]])) * Decimal("0.004"))
            }
            self._use("over_allotted_parcel", uses, row, more, scaled)
        metres = max(Decimal(int(uses.area[biggest])) * 20 / 3, Decimal(20_001)).quantize(Decimal("0.01"))
        self._use(
            "square_metres_as_mu",
            uses,
            biggest,
            {"surveyed_area_mu": str(metres)},
            _quarantined("surveyed_area_mu:domain"),
        )
        row = lease(lambda r: True)
        self._use(
            "unknown_code_word",
            uses,
            row,
            {"use_type_code": "借用"},
            _quarantined("use_type_code:code"),
        )
        row = lease(lambda r: True)
        self._use(
            "bad_date",
            uses,
            row,
            {"lease_from_date": f"{year}-13-01"},
            _quarantined("lease_from_date:date"),
        )
        village = np.flatnonzero((land.village >= 0) & land.has_holder_code)[:2]
        holders = holder_codes(city, village, year).to_pylist()
        for code, holder in zip(parcel_codes(city).take(pa.array(village)).to_pylist(), holders, strict=True):
            where = {"parcel_id": code, "owner_uscc": holder}
            accepted = (_ACCEPTED,)
            self.edits.append(
                Edit("valid_code_stdnum_rejects", "gov_land_parcel", str(year), where, {}, accepted)
            )

    def _use(self, kind: str, uses: Uses, row: int, change: dict[str, Change], outcome: Outcome) -> None:
        parcel, site = int(uses.parcel[row]), int(uses.site[row])
        where = {
            "parcel_id": str(parcel_codes(self.city)[parcel].as_py()),
            "uscc": self._uscc(site),
            "use_type_code": ("自用", "租赁", "转租")[int(uses.kind[row])],
        }
        part = self.city.p.districts[int(self.city.land.district[parcel])].pinyin
        self.edits.append(Edit(kind, "gov_land_survey", str(self.year), where, change, (outcome,), part))

    def deliveries(self, has_annual: bool) -> None:
        """A repeated file, corrected snapshots with a changed and a withdrawn row, and a late file."""
        self.extras.append(Extra("gov_electricity", self.period, "copy", 3))
        self._corrected("gov_energy", "energy_tce", _times("1.1"))
        if has_annual:
            self._corrected("gov_statistics_annual", "output_wan_yuan", _times("1.2", places=0))
        self.late["gov_land_survey", str(self.year), "xiangshan"] = DAYS_LATE

    def _corrected(self, feed: str, column: str, change: Callable[[str], str]) -> None:
        year = str(self.year)
        changed, gone = self._site(self.large), self._site(self.large)
        superseded = {"type": "superseded", "column": column}
        edits = (
            Edit(
                "corrected_file", feed, year, {"uscc": self._uscc(changed)}, {column: change}, (superseded,)
            ),
            Edit(
                "corrected_file",
                feed,
                year,
                {"uscc": self._uscc(gone)},
                outcomes=({"type": "superseded", "row_absent": True}, _INCOMPLETE),
                drop=True,
            ),
        )
        self.extras.append(Extra(feed, year, "corrected", 40, edits))

    def cumulative(self, year: int) -> None:
        """Cumulative figures that fall from one month to the next."""
        q = self.city.population
        for _ in range(2):
            settled = [
                s
                for s in self.large
                if q.status[year][s] == ABOVE and q.firm[year][s] == q.firm[self.year][s]
            ]
            site = self._site(settled)
            fall: dict[str, Change] = {"output_wan_yuan": _times("0.5", places=0)}
            self._add(
                "cumulative_falls", "gov_statistics_monthly", site, fall, _ACCEPTED, period=f"{year}-07"
            )

    def products(self) -> None:
        """Declared products, patents, marks and listings."""
        year, tells = self.year, market.declaring(self.city, self.year)
        declare = [s for s in self.large if tells[self.city.population.firm[year][s]]]
        unknown: dict[str, Change] = {"product_code": "999901"}
        self._add("unknown_product", "ent_product", self._site(declare), unknown, _ACCEPTED)
        more: dict[str, Change] = {"revenue_share_pct": "120.50"}
        over = _quarantined("revenue_share_pct:domain")
        self._add("out_of_domain", "ent_product", self._site(declare), more, over)
        code = str(innovation.application_codes(innovation.applications(self.city, year))[0].as_py())
        edits: tuple[tuple[str, str, dict[str, str], dict[str, Change], str], ...] = (
            (
                "malformed_patent",
                "gov_patent",
                {"patent_code": code},
                {"patent_code": f"CN{code}"},
                "patent_code:pattern",
            ),
            (
                "unknown_code_word",
                "gov_credit",
                {"event_id": f"XY-{year}-000001"},
                {"credit_code": "其他"},
                "credit_code:code",
            ),
        )
        for kind, name, where, change, reason in edits:
            self.edits.append(Edit(kind, name, str(year), where, change, (_quarantined(reason),)))
        other: dict[str, Change] = {"cluster_code": "航空航天"}
        self._add(
            "unknown_code_word",
            "gov_industry_mark",
            self._site(self.large),
            other,
            _quarantined("cluster_code:code"),
        )

    def customs(self, year: int) -> None:
        """A negative amount at customs, of the firm with the largest exports."""
        exports = np.where(
            self.city.population.status[year] == ABOVE, self.city.year(year).money["export_value"], 0
        )
        site = int(np.argmax(exports))
        where = {"uscc": self._uscc(site, year)}
        change: dict[str, Change] = {"customs_value_wan_yuan": lambda text: f"-{text}"}
        domain = (_quarantined("customs_value_wan_yuan:domain"),)
        self.edits.append(Edit("out_of_domain", "gov_customs", f"{year}-05", where, change, domain))

    def trades(self) -> None:
        """Trades of the firms that have a node nearly alone: they are sure to sell."""
        year, roles = market.TRADES_YEAR, self.city.roles
        period, size = period_of(year, market.TRADES_MONTH), market.revenue(self.city, year)
        site_of = np.full(len(self.city.codes), -1)
        sites = self.city.population.in_year(year)
        site_of[self.city.firms(sites, year)] = sites
        firms = []
        for node in roles.nodes.positions(self.city.p.chain_gaps.single_point):
            here = roles.firm[(roles.node == node) & (site_of[roles.firm] >= 0)]
            firms.append(str(self.city.codes[int(here[np.argmax(size[site_of[here]])])].as_py()))
        first, second = firms[0], firms[1]
        slip: dict[str, Change] = {"trade_wan_yuan": _times("0.0001")}
        edits: tuple[tuple[str, dict[str, str], dict[str, Change], Outcome], ...] = (
            ("unit_slip_parsable", {"seller_code": second}, slip, _ACCEPTED),
            ("purchase_from_unknown", {"buyer_code": second}, {"seller_code": "330299000000017"}, _ACCEPTED),
            (
                "malformed_party",
                {"seller_code": first},
                {"seller_code": lambda code: f"{code[:9]}-{code[9:]}"},
                _quarantined("seller_code:pattern"),
            ),
        )
        for kind, where, change, outcome in edits:
            self.edits.append(Edit(kind, "ent_trade", period, where, change, (outcome,)))

    def meters(self) -> None:
        """Three broken records of the meter stream, on its fourth day at 10:00."""
        day, feed_name = 3, "ent_meter_reading"
        changes: tuple[tuple[str, dict[str, Change], str], ...] = (
            ("wrong_check_digit_meter", {"uscc": broken}, "uscc:check"),
            (
                "malformed_meter_account",
                {"meter_account_code": lambda a: f"NB{a[2:]}"},
                "meter_account_code:pattern",
            ),
            ("missing_required", {"uscc": None}, "uscc:missing"),
        )
        sure = devices.Week(self.city).sure_readings(day, interval=40)
        for (account, read_at), (kind, change, reason) in zip(sure, changes, strict=False):
            where = {"meter_account_code": account, "read_at": read_at}
            period = str(devices.DAYS[day])
            self.edits.append(Edit(kind, feed_name, period, where, change, (_quarantined(reason),)))


def _times(factor: str, places: int | None = None) -> Callable[[str], str]:
    """Multiply a number's text, keeping its decimal places."""

    def change(text: str) -> str:
        number = Decimal(text)
        exponent = number.as_tuple().exponent if places is None else -places
        assert isinstance(exponent, int)
        return str((number * Decimal(factor)).quantize(Decimal(1).scaleb(exponent), ROUND_HALF_UP))

    return change


def _plus(amount: Decimal) -> Callable[[str], str]:
    return lambda text: str(Decimal(text) + amount.quantize(Decimal("0.01")))
