"""Reports of enterprises, and their consistency from month to month."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

import numpy as np
import pytest

from demo_city.senders.reports import monthly_output, monthly_report, need, pmi
from demo_city.world.city import City
from tests.demo_city.senders.test_places import number, rows
from tests.demo_city.senders.test_projects import MONTHS
from tests.demo_city.sent_city import Sent


def test_about_two_thirds_of_the_firms_report_and_they_stay_the_same(city: City) -> None:
    above = set(city.uscc(city.above(2024), 2024).to_pylist())
    june, july = (set(monthly_report(city, 2024, m).columns["uscc"].to_pylist()) for m in (6, 7))
    assert june <= above
    assert 0.58 < len(june) / len(above) < 0.74
    assert len(june & july) > 0.85 * len(june) and june != july


def test_orders_follow_output(city: City) -> None:
    cells = monthly_report(city, 2024, 6).columns
    site_of = dict(zip(city.uscc(city.above(2024), 2024).to_pylist(), city.above(2024).tolist(), strict=True))
    sites = [site_of[u] for u in cells["uscc"].to_pylist()]
    output = monthly_output(city, 2024, 6)[sites]
    orders = np.array(cells["new_orders_wan_yuan"].to_pylist(), dtype=float)
    assert orders.sum() / output.sum() == pytest.approx(1, abs=0.1)
    assert np.corrcoef(np.log(orders + 1), np.log(output + 1))[0, 1] > 0.95


def test_optional_cells_are_sometimes_blank(city: City) -> None:
    cells = monthly_report(city, 2024, 6).columns
    for name in ("orders_in_hand_wan_yuan", "export_orders_wan_yuan", "expected_output_wan_yuan"):
        assert 1 <= cells[name].null_count < 0.08 * len(cells[name])
    used = [float(v) for v in cells["capacity_utilisation_pct"].to_pylist()]
    assert 70 < np.mean(used) < 85 and max(used) > 100


def test_the_pmi_follows_the_season(city: City) -> None:
    def index(month: int) -> float:
        """Share of up plus half the share of unchanged, in percent."""
        answers = Counter(pmi(city, 2024, month).columns["production_change_code"].to_pylist())
        return 100 * (answers["增加"] + answers["持平"] / 2) / sum(answers.values())

    # February has fewer working days than January and March
    assert index(2) < 40 and index(3) > 60


def test_production_answers_follow_output(city: City) -> None:
    cells = pmi(city, 2024, 9).columns
    sites = dict(zip(city.uscc(city.above(2024), 2024).to_pylist(), city.above(2024).tolist(), strict=True))
    growth = np.log(
        np.maximum(monthly_output(city, 2024, 9), 1) / np.maximum(monthly_output(city, 2024, 8), 1)
    )
    answers = zip(cells["uscc"].to_pylist(), cells["production_change_code"].to_pylist(), strict=True)
    grown = [answer for uscc, answer in answers if growth[sites[uscc]] > 0.25]
    # an answer is up from 0.06, with noise of 0.05
    assert len(grown) >= 5 and set(grown) == {"增加"}


def test_the_panel_stays_the_same_all_year(sent: Sent) -> None:
    answered = [{c["统一社会信用代码"] for c in rows(sent, f"pmi_{month}.jsonl")} for month in MONTHS]
    assert len(set.union(*answered)) == 20  # the smallest panel
    assert min(len(a) for a in answered) >= 13 and len({frozenset(a) for a in answered}) > 1


def test_needs_change_state_until_they_are_closed(city: City) -> None:
    history: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for month in range(1, 13):
        cells = need(city, 2024, month).columns
        codes = cells["need_code"].to_pylist()
        assert len(codes) == len(set(codes))
        for code, state, at, raised, department in zip(
            codes,
            *(
                cells[name].to_pylist()
                for name in ("need_state_code", "changed_at", "raised_date", "handling_department")
            ),
            strict=True,
        ):
            assert at.startswith(f"2024-{month:02d}-") and at[:10] >= raised
            assert (department is None) == (state in ("已受理", "不予受理"))
            history[code].append((at, state))
    for changes in history.values():
        states = [state for _, state in changes]
        assert not {"已办结", "不予受理"} & set(states[:-1])
        assert changes == sorted(changes)
    # 420 a month x 0.05
    assert len(history) == 12 * 21
    last = Counter(changes[-1][1] for changes in history.values())
    assert last["已办结"] > 0.8 * len(history) and last["不予受理"] >= 1


def test_texts_of_needs_fit_their_kind(sent: Sent) -> None:
    needs = [c for month in MONTHS for c in rows(sent, f"need_{month}.jsonl")]
    for kind, word in (("用地", "用地约"), ("用工", "缺口"), ("融资", "贷款")):
        texts = [str(c["诉求内容"]) for c in needs if c["诉求类别"] == kind]
        assert texts and all(word in text for text in texts)


def test_objections_come_during_the_notice_and_name_firms_of_the_year(sent: Sent) -> None:
    for year in (2020, 2023):
        above = {
            c["统一社会信用代码"]
            for c in rows(sent, f"statistics_directory_{year}.csv")
            if c["规模"] == "规上"
        }
        objections = rows(sent, f"objection_{year + 1}-08.jsonl")
        assert len(objections) == 6  # 130 x 0.005, at least six
        for cells in objections:
            assert cells["评价年度"] == str(year)
            assert (
                f"{year + 1}-08-07" < str(cells["提出日期"]) <= str(cells["公示截止日"]) < f"{year + 1}-08-25"
            )
            assert number(cells["主张数值"]) >= Decimal(0)
            assert "附" in str(cells["依据"])
        # the directory's record of one firm may be a planted fault
        assert len({c["统一社会信用代码"] for c in objections} & above) >= 5
