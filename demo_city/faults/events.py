"""Faults in honours, penalties and emissions: unknown code words, and a text in place of a number."""

from __future__ import annotations

import numpy as np

from demo_city.faults.plan import Edit, quarantined
from demo_city.faults.planner import Planner
from demo_city.senders.discharge_permit import withholders


def events(planner: Planner) -> None:
    """An unknown code word in honours and in penalties, and an emission figure that is no number."""
    year = str(planner.year)
    level = (quarantined("level_code:code"),)
    first = {"event_id": f"RY-{year}-00001"}
    planner.edits.append(
        Edit("unknown_code_word", "gov_honour", year, first, {"level_code": "镇街级"}, level)
    )
    word = (quarantined("penalty_code:code"),)
    first = {"event_id": f"CF-{year}-00001"}
    planner.edits.append(
        Edit("unknown_code_word", "gov_penalty", year, first, {"penalty_code": "其他"}, word)
    )
    q = planner.city.population
    silent = set(withholders(planner.city, planner.year).site.tolist())
    permitted = [s for s in planner.large if planner.city.base.has_permit[s] and s not in silent]
    site = planner.site(permitted or [int(np.flatnonzero((q.giant >= 0) & planner.city.base.has_permit)[0])])
    planner.add("not_a_number", "gov_emission", site, {"nh3n_t": "未检出"}, quarantined("nh3n_t:type"))
