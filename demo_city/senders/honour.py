"""The industry bureau (经济和信息化局): honours awarded to firms."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import dates, take, words
from demo_city.frame import Frame
from demo_city.senders.awards import register
from demo_city.world.city import City
from schemas.contract import feed


def honour(city: City, year: int, complete: bool) -> Frame:
    """A row for each honour awarded or renewed in the year; with ``complete``, for each that is valid at its end."""
    contract, kinds = feed("gov_honour"), city.p.honours
    valid = register(city, year)
    sent = valid if complete else valid.awarded_in(year)
    order = np.argsort(sent.number, kind="stable")
    kind, firm, number = sent.kind[order], sent.firm[order], sent.number[order]
    return Frame(
        contract,
        str(year),
        "",
        {
            "event_id": pa.array([f"RY-{n // 10**6}-{n % 10**6:05d}" for n in number.tolist()]),
            "uscc": take(city.codes, firm),
            "企业/名称": take(city.names, firm),
            "honour_code": words(contract, "honour_code", [k.honour for k in kinds], kind),
            "level_code": words(contract, "level_code", [k.level for k in kinds], kind),
            "event_date": dates(contract, "event_date", sent.day[order]),
            "valid_until_date": dates(
                contract, "valid_until_date", sent.until[order], np.isnat(sent.until[order])
            ),
            "document_code": pa.array(
                [f"甬经信示〔{n // 10**6}〕{n % 10**6 % 60 + 1}号" for n in number.tolist()]
            ),
        },
    )
