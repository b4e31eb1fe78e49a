"""The tax authority (税务局): parts of the tax paid that the evaluation may leave out.

Assumed, not facts: how many firms have such an amount, and its share of the firm's VAT and income tax.
"""

from __future__ import annotations

import numpy as np

from demo_city.cells import amounts, words
from demo_city.frame import Frame
from demo_city.world.city import City
from demo_city.world.draws import stream
from schemas.contract import feed

#: Kind → share of the firms that have it in a year.
_FIRMS = {
    "audit_recovery": 0.008,
    "demolition": 0.001,
    "real_estate": 0.003,
    "equity_transfer": 0.001,
    "headquarters_rebate": 0.0005,
}
#: Least and largest share of the firm's VAT and income tax.
_SHARE = (0.02, 0.25)


def tax_excluded(city: City, year: int) -> Frame:
    """A row for each firm and kind of tax that the evaluation may leave out."""
    contract, q, figures = feed("gov_tax_excluded"), city.population, city.year(year)
    rng = stream(q.seed, f"tax-excluded-{year}")
    sites = q.in_year(year)
    paid = np.maximum(figures.taxes["vat"][sites], 0) + np.maximum(figures.taxes["income"][sites], 0)
    has = (rng.random((len(_FIRMS), len(sites))) < np.array([*_FIRMS.values()])[:, None]) & (paid > 0)
    kind, place = np.nonzero(has)
    share = rng.uniform(*_SHARE, len(place))
    left_out = np.rint(paid[place] * share).astype(np.int64)
    which = sites[place]
    return Frame(
        contract,
        str(year),
        "",
        {
            "uscc": city.uscc(which, year),
            "纳税人名称": city.name(which, year),
            "tax_exclusion_code": words(contract, "tax_exclusion_code", list(_FIRMS), kind.astype(np.int64)),
            "tax_excluded_wan_yuan": amounts(contract, "tax_excluded_wan_yuan", left_out, "元", 2),
        },
    )
