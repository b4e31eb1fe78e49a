"""The platform for enterprises (企业综合服务平台): consents to the use of statistics.

Most firms above scale confirm their sheet (一企一单) in the spring after the year, many also for their profile and
for the analysis of chains. Some sign an authorisation of three years. A few withdraw in June. Shares are assumptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from demo_city.cells import dates, take, words
from demo_city.frame import Frame
from demo_city.world.city import City
from demo_city.world.draws import Bools, Ints, stream
from demo_city.world.population import ABOVE
from schemas.contract import feed

PURPOSES = ("per_mu_evaluation", "enterprise_profile", "chain_analysis")
KINDS = ("sheet", "authorisation", "withdrawal")
SHEET, AUTHORISATION, WITHDRAWAL = range(3)
#: Share of the firms above scale that confirm their sheet, by district in turn.
_CONFIRM = (0.97, 0.96, 0.98, 0.95, 0.965)
#: Share of the confirmed sheets that name the purpose as well.
_ALSO = {1: 0.8, 2: 0.6}
#: Share of the sites whose firm signs an authorisation of three years; a third of them each year.
_SIGN, _YEARS = 0.15, 3
#: Firms above scale that withdraw in a year, at scale 1, and the minimum.
_WITHDRAW, _FEWEST_WITHDRAW = 40, 2
_SIGNERS = ("legal_representative", "agent")


@dataclass(frozen=True)
class _Records:
    """Consents of one kind and purpose: sites, days, first days and last days (NaT: open)."""

    kind: int
    purpose: int
    site: Ints
    day: np.ndarray[tuple[int], np.dtype[np.datetime64]]
    until: np.ndarray[tuple[int], np.dtype[np.datetime64]]


def consent(city: City, year: int) -> Frame:
    """A row for each consent and withdrawal of the evaluation year, and for those that firms gave under other codes."""
    contract, rng = feed("ent_consent"), stream(city.population.seed, f"consent-signers-{year}")
    records = list(_records(city, year))
    kind, purpose, site, day, until = (
        np.concatenate([np.broadcast_to(getattr(r, name), len(r.site)) for r in records])
        for name in ("kind", "purpose", "site", "day", "until")
    )
    order = np.lexsort((purpose, kind, site, day))
    kind, purpose, site, day, until = (column[order] for column in (kind, purpose, site, day, until))
    others = [c for c in city.changes.get(year, ()) if c.kind in ("succession", "merge")]
    codes = pa.concat_arrays([city.uscc(site, year), pa.array([c.before for c in others], pa.string())])
    signed = np.full(len(others), f"{year}-03-01", dtype="datetime64[D]")
    kind = np.append(kind, np.full(len(others), AUTHORISATION))
    purpose = np.append(purpose, np.zeros(len(others), dtype=np.int64))
    day, until = np.append(day, signed), np.append(until, _three_years(signed))
    return Frame(
        contract,
        str(year),
        "",
        {
            "event_id": pa.array([f"TY-{year}-{n:06d}" for n in range(1, len(kind) + 1)]),
            "uscc": codes,
            "consent_purpose_code": words(contract, "consent_purpose_code", PURPOSES, purpose),
            "consent_kind_code": words(contract, "consent_kind_code", KINDS, kind),
            "event_date": dates(contract, "event_date", day),
            "consent_from_date": dates(contract, "consent_from_date", day),
            "valid_until_date": dates(
                contract, "valid_until_date", np.where(np.isnat(until), day, until), np.isnat(until)
            ),
            "consent_signer_code": words(
                contract, "consent_signer_code", _SIGNERS, rng.integers(0, 2, len(kind))
            ),
            "document_code": take(
                [f"企授示〔{year}〕{n}号" for n in range(1, len(kind) + 1)], np.arange(len(kind))
            ),
        },
    )


def _three_years(
    day: np.ndarray[tuple[int], np.dtype[np.datetime64]],
) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    return day + np.timedelta64(_YEARS * 365 - 1, "D")


def _confirming(city: City, year: int) -> Bools:
    """Sites above scale whose firm confirms the year's sheet."""
    q = city.population
    share = np.array(_CONFIRM)[q.district % len(_CONFIRM)]
    confirms: Bools = (q.status[year] == ABOVE) & (
        stream(q.seed, f"consent-sheets-{year}").random(q.sites) < share
    )
    return confirms


def _signing(city: City, year: int) -> Bools:
    """Sites above scale whose firm signs an authorisation in the year."""
    q = city.population
    draw = stream(q.seed, "consent-authorisations").random(q.sites)
    turn = (draw * _YEARS / _SIGN).astype(np.int64)
    signs: Bools = (q.status[year] == ABOVE) & (draw < _SIGN) & ((year - city.p.base_year) % _YEARS == turn)
    return signs


def _withdrawing(city: City, year: int) -> Ints:
    """Sites whose firm withdraws its consent to the evaluation after it confirmed the year's sheet."""
    q = city.population
    sites = np.flatnonzero(_confirming(city, year))
    count = min(max(_FEWEST_WITHDRAW, round(_WITHDRAW * q.scale)), len(sites))
    return np.sort(stream(q.seed, f"consent-withdrawals-{year}").choice(sites, count, replace=False))


def _records(city: City, year: int) -> Iterator[_Records]:
    """Sheets and authorisations of April and May of the next year, withdrawals of the first half of June."""
    q = city.population
    rng = stream(q.seed, f"consents-{year}")
    april, june = np.datetime64(f"{year + 1}-04-01"), np.datetime64(f"{year + 1}-06-01")
    spring = april + rng.integers(0, 60, q.sites).astype("timedelta64[D]")
    confirms, signs = _confirming(city, year), _signing(city, year)
    for purpose in range(len(PURPOSES)):
        also = rng.random(q.sites) < _ALSO.get(purpose, 1)
        sites = np.flatnonzero(confirms & also)
        yield _Records(
            SHEET, purpose, sites, spring[sites], np.full(len(sites), np.datetime64("NaT"), "datetime64[D]")
        )
        sites = np.flatnonzero(signs)
        yield _Records(AUTHORISATION, purpose, sites, spring[sites], _three_years(spring[sites]))
    leaving = _withdrawing(city, year)
    days = june + rng.integers(0, 14, len(leaving)).astype("timedelta64[D]")
    for purpose in (0, 1):
        # half of the firms withdraw only their consent to the evaluation
        part = leaving[:: purpose + 1]
        yield _Records(
            WITHDRAWAL,
            purpose,
            part,
            days[:: purpose + 1],
            np.full(len(part), np.datetime64("NaT"), "datetime64[D]"),
        )


def true_states(city: City, years: Iterable[int]) -> dict[str, dict[str, list[str]]]:
    """Firms above scale without consent to the evaluation, by year: those that never gave it, and those that withdrew.

    As the senders know it: without the planted faults.
    """
    q, known = city.population, list(years)
    found: dict[str, dict[str, list[str]]] = {}
    for year in known:
        has, gone = np.zeros(q.sites, dtype=bool), np.zeros(q.sites, dtype=bool)
        for told in known:
            same = q.firm[told] == q.firm[year]
            # an authorisation of the spring of told + 1 lasts until the spring of told + 4
            covers = _signing(city, told) & (told <= year <= told + 1 + _YEARS)
            given = same & (covers | (_confirming(city, told) & (told == year)))
            has, gone = has | given, gone & ~given
            left = np.zeros(q.sites, dtype=bool)
            left[_withdrawing(city, told)] = True
            gone |= has & left & same
        above = q.status[year] == ABOVE
        found[str(year)] = {
            "not_given": sorted(city.uscc(np.flatnonzero(above & ~has), year).to_pylist()),
            "withdrawn": sorted(city.uscc(np.flatnonzero(above & gone), year).to_pylist()),
        }
    return found
