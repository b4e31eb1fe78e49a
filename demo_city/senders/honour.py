"""The industry bureau (经济和信息化局): honours awarded to firms."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import dates, days_in_year, words
from demo_city.frame import Frame
from demo_city.world.city import City
from demo_city.world.draws import stream
from demo_city.world.population import ABOVE
from schemas.contract import code_list, feed


def honour(city: City, year: int) -> Frame:
    """A row for each honour awarded to a firm in the year; firms with more R&D are likelier to get one."""
    contract, q = feed("gov_honour"), city.population
    rng = stream(q.seed, f"honours-{year}")
    sites = q.in_year(year)
    above = q.status[year][sites] == ABOVE
    rd = np.where(above, city.year(year).money["rd_expense"][sites], 0)
    kinds = list(city.p.honours)
    chosen, kind = [], []
    for number, name in enumerate(kinds):
        count = max(1, round(city.p.honours[name] * q.scale))
        weight = np.where(above, 1.0 + np.sqrt(rd), 0.01 if name == "hightech_enterprise" else 0.001)
        if name == "listed":
            weight = weight**1.5
        count = min(count, int((weight > 0).sum()))
        keys = np.log(weight) + rng.gumbel(size=len(sites))
        picked = np.sort(sites[np.argsort(-keys, kind="stable")[:count]])
        chosen.append(picked)
        kind.append(np.full(len(picked), number))
    site, which = np.concatenate(chosen), np.concatenate(kind)
    levels = {"hightech_enterprise": 0, "listed": 0, "single_champion": 0}
    fixed = np.array([levels.get(k, -1) for k in kinds])[which]
    level = np.where(fixed >= 0, fixed, rng.choice(3, len(site), p=[0.2, 0.35, 0.45]))
    days = days_in_year(np.full(len(site), year), rng.random(len(site)))
    until = days + np.timedelta64(3 * 365, "D")
    number_of = [f"RY-{year}-{i + 1:05d}" for i in range(len(site))]
    documents = [f"甬经信示〔{year}〕{i % 60 + 1}号" for i in range(len(site))]
    return Frame(
        contract,
        str(year),
        "",
        {
            "event_id": pa.array(number_of),
            "uscc": city.uscc(site, year),
            "企业/名称": city.name(site, year),
            "honour_code": words(contract, "honour_code", kinds, which),
            "level_code": words(contract, "level_code", list(code_list("level")), level),
            "event_date": dates(contract, "event_date", days),
            "valid_until_date": dates(
                contract,
                "valid_until_date",
                until,
                np.isin(which, [kinds.index("listed"), kinds.index("brand")]),
            ),
            "document_code": pa.array(documents),
        },
    )
