"""What firms truly make, and what the city lacks: the truth beside which tests hold what the platform finds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import decimals, take
from demo_city.senders.parties import local_shares
from demo_city.world.city import City


def positions(city: City, years: tuple[int, ...]) -> pa.Table:
    """What each firm of the directory truly makes: year, uscc, node_code (OUT: in no chain), share_pct."""
    roles, q = city.roles, city.population
    tables = []
    for year in years:
        there = np.zeros(len(q.firm_site), dtype=bool)
        there[city.firms(q.in_year(year), year)] = True
        row = np.flatnonzero(there[roles.firm])
        columns = {
            "year": take([str(year)], np.zeros(len(row), dtype=np.int64)),
            "uscc": take(city.codes, roles.firm[row]),
            "node_code": take([*roles.nodes.codes, "OUT"], roles.node[row]),
            "share_pct": decimals(roles.share[row], 2),
        }
        tables.append(pa.table(columns))
    return pa.concat_tables(tables)


def gaps(city: City) -> dict[str, object]:
    """The planted gaps, and the planted share of each node's products that is bought in the city, in percent."""
    planted = city.p.chain_gaps
    share = local_shares(city)
    return {
        "missing": sorted(planted.missing),
        "weak": sorted(planted.weak),
        "single_point": sorted(planted.single_point),
        "local_share_pct": {
            code: round(100 * value, 2)
            for code, value in zip(city.roles.nodes.codes, share.tolist(), strict=True)
        },
    }
