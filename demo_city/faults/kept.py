"""Codes that frequent faults leave alone (不出错的主体): those of planted cases and of the largest firms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from demo_city.faults.plan import Plan
from demo_city.faults.successions import Identities
from demo_city.world.city import City

#: Longest word that is no code of a firm or thing.
_WORD = 7


def kept_codes(city: City, years: Iterable[int], plan: Plan, identities: Identities) -> pa.Array:
    """Codes of planted cases, of the largest firms, and of village collectives, whose codes some checkers refuse."""
    q = city.population
    sites = np.flatnonzero(
        (q.giant >= 0) | q.tail | q.collective | np.isin(np.arange(q.sites), list(plan.taken))
    )
    codes = {code for year in years for code in city.uscc(sites, year).to_pylist()}
    edits = (*plan.edits, *(edit for extra in plan.extras for edit in extra.edits))
    # a case names its record by code, and some also by a short word: the kind of a parcel's use
    codes |= {value for edit in edits for value in edit.where.values() if len(value) > _WORD}
    codes |= {*identities.branches, *identities.branches.values(), *_texts(identities.truth)}
    return pa.array(sorted(codes), type=pa.string())


def _texts(value: object) -> Iterator[str]:
    """All texts in a truth list, names of members included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts([*value, *value.values()])
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
