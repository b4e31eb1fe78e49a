"""The true chain positions and the planted gaps, with which tests compare the platform's results."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import decimals, take
from demo_city.senders.parties import local_shares
from demo_city.world.city import City


def positions(city: City, years: tuple[int, ...]) -> pa.Table:
    """True roles of each firm of the directory: year, uscc, node_code (OUT: in no chain), share_pct."""
    roles, q = city.roles, city.population
    tables = []
    for year in years:
        is_listed = np.zeros(len(q.firm_site), dtype=bool)
        is_listed[city.firms(q.in_year(year), year)] = True
        row = np.flatnonzero(is_listed[roles.firm])
        columns = {
            "year": take([str(year)], np.zeros(len(row), dtype=np.int64)),
            "uscc": take(city.codes, roles.firm[row]),
            "node_code": take([*roles.nodes.codes, "OUT"], roles.node[row]),
            "share_pct": decimals(roles.share[row], 2),
        }
        tables.append(pa.table(columns))
    return pa.concat_tables(tables)


def gaps(city: City) -> dict[str, object]:
    """The planted gaps, and the planted percentage of each node's products that local buyers buy in the city."""
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
