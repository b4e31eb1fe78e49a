"""Reports of the demo city's enterprises (企业填报): monthly reports, PMI answers, needs and objections.

Answers follow the firms' monthly statistics, with typical noise of forms: a third of the firms do not answer, one
report in twenty repeats the month before, some optional cells are blank, overtime lifts capacity utilisation above
100 %. All shares are assumed. The texts are composed of fixed phrases.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from demo_city.cells import amounts, dates, decimals, take, words
from demo_city.delivery import period_end
from demo_city.frame import Frame
from demo_city.senders.months import period_of, persons_in, reached
from demo_city.senders.procedure import window
from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints, stream
from demo_city.world.population import ABOVE
from schemas.contract import feed

#: Share of the firms above scale that report at all, and the share of these that report in a month. Assumed.
REPORTING, ANSWERING = 0.72, 0.92
#: Firms of the PMI panel at scale 1, and the minimum. Assumed.
PANEL, SMALLEST_PANEL = 600, 20
#: Needs a month and objections a year at scale 1. Assumed.
NEEDS, OBJECTIONS = 420, 130


def monthly_output(city: City, year: int, month: int) -> Floats:
    """Output of each site in the month, 万元."""
    before, after = reached(city, "statistics", year, month)
    output: Floats = city.year(year).money["output"] / 10 * (after - before)
    return output


def _answering(city: City, year: int, month: int) -> Ints:
    """Sites above scale that report in the month; the firms that report at all stay the same."""
    q = city.population
    willing = stream(q.seed, "reporting").random(q.sites) < REPORTING
    now = stream(q.seed, f"reporting-{year}-{month}").random(q.sites) < ANSWERING
    return np.flatnonzero((q.status[year] == ABOVE) & willing & now)


def monthly_report(city: City, year: int, month: int) -> Frame:
    """A row for each firm that reports in the month: orders, utilisation, stock, staff and expected output."""
    contract, q = feed("ent_monthly_report"), city.population
    site = _answering(city, year, month)
    rng = stream(q.seed, f"report-{year}-{month}")
    # some firms repeat last month's figures
    repeats = rng.random(q.sites)[site] < 0.05
    output = np.where(
        repeats, monthly_output(city, year, max(month - 1, 1))[site], monthly_output(city, year, month)[site]
    )
    noise = rng.normal(0, 1, (5, q.sites))[:, site]
    orders = output * np.exp(0.15 * noise[0] + 0.01)
    hand = output * np.exp(0.5 * noise[1] + 0.8)
    figures = city.year(year)
    abroad = figures.money["export_value"][site] / np.maximum(figures.money["output"][site], 1)
    usual = stream(q.seed, "utilisation").normal(78, 11, q.sites)[site]
    used = np.clip(np.rint((usual + 3 * noise[2]) * 10), 50, 1300).astype(np.int64)
    staff = persons_in(city, "employees", year, month)[site]
    staff = np.rint(staff * np.exp(0.005 * noise[3])).astype(np.int64)
    blank = rng.random((3, q.sites))[:, site]

    def money(column: str, values: Floats, empty: Floats | None = None) -> pa.Array:
        cells = np.rint(np.maximum(values, 0)).astype(np.int64)
        return amounts(contract, column, cells, "万元", 0, blank=None if empty is None else empty < 0.03)

    return Frame(
        contract,
        period_of(year, month),
        "",
        {
            "uscc": city.uscc(site, year),
            "填报人": take(["企业统计员"], np.zeros(len(site), dtype=np.int64)),
            "new_orders_wan_yuan": money("new_orders_wan_yuan", orders),
            "orders_in_hand_wan_yuan": money("orders_in_hand_wan_yuan", hand, blank[0]),
            "export_orders_wan_yuan": money(
                "export_orders_wan_yuan", orders * np.minimum(abroad, 1), blank[1]
            ),
            "capacity_utilisation_pct": decimals(used, 1),
            "goods_inventory_wan_yuan": money(
                "goods_inventory_wan_yuan", output * np.exp(0.4 * noise[4] - 0.5)
            ),
            "employees_count": amounts(contract, "employees_count", staff, "人", 0),
            "expected_output_wan_yuan": money(
                "expected_output_wan_yuan", output * np.exp(0.1 * noise[0]), blank[2]
            ),
        },
    )


# --- ent_pmi ---------------------------------------------------------------------------------------------

_ANSWERS = ("up", "same", "down")
#: Log change against the month before from which an answer is up or down. Assumed.
_NOTICED = 0.06


def pmi(city: City, year: int, month: int) -> Frame:
    """A row for each firm of the panel that answers; orders and production follow its output."""
    contract, q = feed("ent_pmi"), city.population
    panel = _panel(city, year)
    rng = stream(q.seed, f"pmi-{year}-{month}")
    draws, answers = rng.standard_normal((5, q.sites)), rng.random(q.sites)
    site = panel[answers[panel] < 0.94]
    draws = draws[:, site]
    now = monthly_output(city, year, month)[site]
    before = monthly_output(city, year, month - 1 if month > 1 else 1)[site]
    growth = np.log(np.maximum(now, 1) / np.maximum(before, 1))
    # January has no month before in the year, so its growth is 0
    felt = {
        "new_orders": growth + 0.08 * draws[0],
        "production": growth + 0.05 * draws[1],
        "employment": 0.2 * growth + 0.06 * draws[2] - 0.01,
        "supplier_delivery": -0.2 * growth + 0.06 * draws[3],
        "material_stock": 0.3 * growth + 0.08 * draws[4] - 0.01,
    }
    columns = {"uscc": city.uscc(site, year)}
    for name, change in felt.items():
        index = np.where(change > _NOTICED, 0, np.where(change < -_NOTICED, 2, 1))
        columns[f"{name}_change_code"] = words(contract, f"{name}_change_code", _ANSWERS, index)
    return Frame(contract, period_of(year, month), "", columns)


def _panel(city: City, year: int) -> Ints:
    """Sites of the panel, the same all year; larger firms are likelier."""
    q = city.population
    sites = city.above(year)
    size = min(max(SMALLEST_PANEL, round(PANEL * q.scale)), len(sites))
    weight = 0.5 * np.log(np.maximum(city.year(year).money["output"][sites], 1))
    keys = weight + stream(q.seed, f"panel-{year}").gumbel(size=len(sites))
    return np.sort(sites[np.argsort(-keys, kind="stable")[:size]])


# --- ent_need --------------------------------------------------------------------------------------------

_NEED_KINDS = (
    "land",
    "labour",
    "finance",
    "power",
    "logistics",
    "market",
    "technology",
    "policy",
    "environment",
)
_NEED_SHARES = (0.12, 0.2, 0.18, 0.07, 0.05, 0.12, 0.1, 0.12, 0.04)
_NEED_TEXTS = (
    "扩建厂房需新增工业用地约{}亩",
    "一线操作工缺口约{}人",
    "流动资金贷款需求约{}万元",
    "迎峰度夏期间需保障用电负荷约{}千瓦",
    "出口订舱困难，待运货物约{}箱",
    "希望对接本地整机企业，可供货约{}万件",
    "寻求高校合作解决工艺难题{}项",
    "技改补助尚有{}万元未到账",
    "危废处置能力不足，待处置约{}吨",
)
_NEED_DEPARTMENTS = (
    "自然资源和规划局",
    "人力资源和社会保障局",
    "地方金融监督管理局",
    "供电公司",
    "交通运输局",
    "商务局",
    "科学技术局",
    "经济和信息化局",
    "生态环境局",
)
_NEED_STATES = ("received", "assigned", "handling", "done", "rejected")
#: Maximum number of months until a need is closed.
_OPEN_MONTHS = 3


def need(city: City, year: int, month: int) -> Frame:
    """A row for each need raised in the month, and for each need of the two months before whose state changed.

    A need is handled for up to three months; 4 % are rejected at once.
    """
    contract = feed("ent_need")
    period = period_of(year, month)
    parts = [_needs_of(city, year, month - back, back) for back in range(_OPEN_MONTHS) if month > back]
    number, site, kind, amount, raised, changed, state = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    kinds = [t.partition("{}") for t in _NEED_TEXTS]
    texts = pa.compute.binary_join_element_wise(
        take([before for before, _, _ in kinds], kind),
        pa.array(amount).cast(pa.string()),
        take([after for _, _, after in kinds], kind),
        "",
    )
    minutes = np.datetime_as_string(changed.astype("datetime64[m]"))
    department = np.where(np.isin(state, (0, 4)), -1, kind)
    return Frame(
        contract,
        period,
        "",
        {
            "need_code": pa.array([f"SQ{n:010d}" for n in number.tolist()]),
            "uscc": city.uscc(site, year),
            "need_kind_code": words(contract, "need_kind_code", _NEED_KINDS, kind),
            "need_text": texts,
            "raised_date": dates(contract, "raised_date", raised),
            "need_state_code": words(contract, "need_state_code", _NEED_STATES, state),
            "changed_at": pa.array([f"{m}:00+08:00" for m in minutes.tolist()]),
            "handling_department": take([f"宁波市{d}" for d in _NEED_DEPARTMENTS], department),
        },
    )


def _needs_of(city: City, year: int, month: int, later: int) -> tuple[npt.NDArray[np.generic], ...]:
    """Needs raised in a month, in their state ``later`` months afterwards; only those that changed in that month."""
    q = city.population
    rng = stream(q.seed, f"needs-{year}-{month}")
    count = max(4, round(NEEDS * q.scale))
    sites = city.above(year)
    site = rng.choice(sites, count)
    kind = rng.choice(len(_NEED_KINDS), count, p=_NEED_SHARES)
    amount, span = rng.integers(2, 400, count), rng.choice(_OPEN_MONTHS, count, p=[0.3, 0.5, 0.2])
    first = np.datetime64(f"{year}-{month:02d}-01")
    raised = first + rng.integers(0, 28, count).astype("timedelta64[D]")
    rejected = rng.random(count) < 0.04
    span = np.where(rejected, 0, span)
    end = np.where(rejected, 4, 3)
    state = np.where(span == later, end, np.where(later == 0, rng.integers(0, 3, count), 2))
    shown = span >= later
    this_month = np.datetime64(f"{year}-{month + later:02d}-01").astype("datetime64[m]")
    minute = rng.integers(8 * 60, 18 * 60, count).astype("timedelta64[m]")
    last = np.datetime64(period_end(period_of(year, month + later)))
    changed = np.where(
        later == 0,
        np.minimum(raised + rng.integers(0, 3, count), last),
        this_month + rng.integers(0, 28, count).astype("timedelta64[D]"),
    )
    number = np.arange(count) + (year * 100 + month) * 10_000
    every = (number, site, kind, amount, raised, changed.astype("datetime64[m]") + minute, state)
    return tuple(column[shown] for column in every)


# --- ent_objection -----------------------------------------------------------------------------------------

_INDICATORS = ("I1", "I2", "I3", "I4", "I5", "I6")
_EVIDENCE = (
    "附税务机关完税证明{}份", "附统计年报更正说明{}份", "附能源计量器具检定报告{}份", "附排污许可证执行报告{}份",
    "附社会保险参保证明{}份", "附研发费用专项审计报告{}份",
)  # fmt: skip


def objecting(city: City, year: int) -> tuple[Ints, list[str]]:
    """Sites whose firms object to the results of ``year``, and the numbers of their objections."""
    count = max(6, round(OBJECTIONS * city.population.scale))
    site = stream(city.population.seed, f"objections-{year}").choice(city.above(year), count)
    return site, [f"YY{year}{i + 1:04d}" for i in range(count)]


def objection(city: City, year: int) -> Frame:
    """Objections to the results of ``year``, raised during their public notice; claims exceed the figure by 2 to 40 %.

    Figures are computed from the firm's own data and its own claim of the land that it uses.
    """
    contract, q, figures = feed("ent_objection"), city.population, city.year(year)
    site, codes = objecting(city, year)
    count, rng = len(site), stream(q.seed, f"objections-figures-{year}")
    which = rng.choice(len(_INDICATORS), count, p=[0.4, 0.2, 0.15, 0.05, 0.1, 0.1])
    value_added = np.maximum(figures.money["value_added"], 0) / 10
    # nobody claims a figure below zero, not even a firm with more refunds than taxes
    tax = np.maximum(np.sum(list(figures.taxes.values()), axis=0), 0) / 1e6
    land = np.maximum(figures.employees / 5.0, 1.0)  # the firms' own claim: five persons on a mu
    emitted = figures.emissions["so2"] / 1e3 + figures.emissions["cod"] / 1e6 + 0.01
    values = np.stack(
        [
            tax / land,
            value_added / land,
            value_added / np.maximum(figures.energy / 100, 1),
            value_added / emitted,
            value_added / np.maximum(figures.employees, 1),
            figures.money["rd_expense"] / np.maximum(figures.money["revenue"], 1),
        ]
    )
    claimed = np.rint(values[which, site] * rng.uniform(1.02, 1.4, count) * 1e4).astype(np.int64)
    notices = window(city, year, "publicity")
    first, last = (
        np.array([getattr(t, end) for t in notices], dtype="datetime64[D]")[q.district[site]]
        for end in ("first", "last")
    )
    raised = first + (rng.random(count) * ((last - first).astype(np.int64) + 1)).astype("timedelta64[D]")
    pieces = rng.integers(1, 5, count)
    return Frame(
        contract,
        f"{year + 1}-08",
        "",
        {
            "objection_code": pa.array(codes),
            "uscc": city.uscc(site, year),
            "year": take([str(year)], np.zeros(count, dtype=np.int64)),
            "objection_kind_code": words(
                contract, "objection_kind_code", ("figure",), np.zeros(count, dtype=np.int64)
            ),
            "indicator_code": words(contract, "indicator_code", _INDICATORS, which),
            "claimed_value": decimals(claimed, 4),
            "evidence_text": pa.array(
                [_EVIDENCE[w].format(k) for w, k in zip(which.tolist(), pieces.tolist(), strict=True)]
            ),
            "raised_date": dates(contract, "raised_date", raised),
            "window_end_date": dates(contract, "window_end_date", last),
        },
    )
