"""Consents: who gives one, for how long, who withdraws, and the list of those without one."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date

from demo_city.senders.consent import consent, true_states
from demo_city.truth import CONSENTS
from demo_city.world.city import City
from tests.demo_city.senders.test_places import rows
from tests.demo_city.sent_city import Sent
from tests.demo_city.world.test_chains import YEARS

CODE = "统一社会信用代码"


def test_most_firms_above_scale_confirm_their_sheet_once(city: City) -> None:
    for year in YEARS:
        cells = consent(city, year).table().to_pylist()
        sheets = [r for r in cells if r["授权方式"] == "一企一单确认" and r["授权用途"] == "亩均效益综合评价"]
        above = set(city.uscc(city.above(year), year).to_pylist())
        confirmed = Counter(r[CODE] for r in sheets)
        assert set(confirmed) <= above and set(confirmed.values()) == {1}
        assert 0.93 < len(confirmed) / len(above) < 0.99
        assert all(str(r["办理日期"])[:7] in (f"{year + 1}-04", f"{year + 1}-05") for r in sheets)
        assert all(r["有效期至"] is None for r in sheets)


def test_an_authorisation_lasts_three_years_and_a_withdrawal_comes_after_the_sheet(city: City) -> None:
    cells = consent(city, 2023).table().to_pylist()
    for row in (r for r in cells if r["授权方式"] == "授权书"):
        assert (date.fromisoformat(row["有效期至"]) - date.fromisoformat(row["生效日期"])).days == 3 * 365 - 1
    given = {r[CODE]: r["办理日期"] for r in cells if r["授权方式"] == "一企一单确认"}
    withdrawn = [r for r in cells if r["授权方式"] == "撤回"]
    assert withdrawn and all(given[r[CODE]] < r["办理日期"] for r in withdrawn)


def test_firms_without_consent_are_listed_beside_the_files(sent: Sent) -> None:
    listed = json.loads((sent.truth / CONSENTS).read_text(encoding="utf-8"))
    assert set(listed) == {"2020", "2021", "2022", "2023", "2024"}
    for year, states in listed.items():
        confirmed = {
            r[CODE]
            for r in rows(sent, f"consent_{year}.jsonl")
            if (r["授权方式"], r["授权用途"]) == ("一企一单确认", "亩均效益综合评价")
        }
        assert not confirmed & set(states["not_given"])


def test_who_never_gave_a_consent_and_who_withdrew_it(city: City) -> None:
    """Recounted record by record for the last year, whose withdrawals nothing can follow."""
    cells = [r for year in YEARS for r in consent(city, year).table().to_pylist()]
    mine = [r for r in cells if r["授权用途"] == "亩均效益综合评价"]
    given = {
        r[CODE]
        for r in mine
        if (r["授权方式"] == "一企一单确认" and r["办理日期"] >= "2025")
        or (r["授权方式"] == "授权书" and r["有效期至"] >= "2024-01-01")
    }
    withdrawn = {r[CODE] for r in mine if r["授权方式"] == "撤回" and r["办理日期"] >= "2025"}
    above = set(city.uscc(city.above(2024), 2024).to_pylist())
    found = true_states(city, YEARS)["2024"]
    assert set(found["not_given"]) == above - given
    assert withdrawn <= set(found["withdrawn"])
