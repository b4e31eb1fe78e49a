"""What the demo city's firms turn out, pay, employ and use (经济指标), year by year.

Base-year figures are drawn as correlated lognormals and raked to the printed totals by district and
division; the landmarks and giants stand outside the raking. Later years are the base year times the city's
growth and each firm's own path, scaled to the grown totals. Money inside this module is in 万元; results are
whole numbers of the senders' smallest units, so that the files hold exact decimals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo_city.world.draws import Bools, Floats, Ints, rake, scale_to, stream
from demo_city.world.parameters import Parameters
from demo_city.world.population import LANDED, Population

YI = 10_000.0  # 万元 in 亿元
STATISTICS = (
    "output", "sales_output", "value_added", "revenue", "profit", "tax_paid_stat",
    "rd_expense", "new_product_output", "export_value",
)  # fmt: skip
TAXES = ("vat", "export_offset", "income", "consumption", "surcharge", "land_use", "property", "other")
POLLUTANTS = ("cod", "nh3n", "so2", "nox")
#: City-wide emissions of the firms with a permit, tons; assumed.
_EMISSION_TOTALS = {"cod": 8000.0, "nh3n": 300.0, "so2": 6000.0, "nox": 18000.0}
_DIRTY = {"25": 12.0, "26": 6.0, "31": 12.0, "44": 20.0, "30": 6.0, "17": 4.0, "22-23": 5.0, "28": 2.0}


@dataclass(frozen=True)
class Base:
    """Figures of the base year by site, as if every site were above (and, in ``small_*``, below) scale."""

    money: dict[str, Floats]
    taxes: dict[str, Floats]
    employees: Floats
    energy: Floats
    power: Floats
    emissions: dict[str, Floats]
    has_permit: Bools
    small_revenue: Floats
    small_taxes: dict[str, Floats]
    small_staff: Floats
    small_power: Floats


@dataclass(frozen=True)
class Year:
    """Figures of one year by site: whole numbers of the senders' smallest units; 0 where it has none."""

    #: thousand yuan
    money: dict[str, Ints]
    #: cents (0.01 yuan)
    taxes: dict[str, Ints]
    declared: Ints
    employees: Ints
    insured: Ints
    #: 0.01 tons of standard coal
    energy: Ints
    calorific: Ints
    #: kWh
    power: Ints
    #: grams for cod and nh3n, kilograms for so2 and nox
    emissions: dict[str, Ints]


def base_figures(p: Parameters, population: Population, land_mu: Floats) -> Base:
    """Draw the base year. ``land_mu`` is the land each site uses (for land and property tax)."""
    rng = stream(population.seed, "figures")
    first = np.arange(population.sites) < population.first_above
    output, value_added = _output_and_value_added(p, population, first, rng)
    employees = _employees(p, population, first, output, rng)
    money = _statement(p, population, first, output=output, value_added=value_added, rng=rng)
    taxes = _taxes(p, population, first, money=money, land_mu=land_mu, rng=rng)
    money["tax_paid_stat"] = _statistical_tax(p, population, first, taxes, rng)
    energy, power = _energy(p, population, first, value_added, rng)
    has_permit, emissions = _emissions(p, population, first, output, rng)
    small = _small_firms(p, population, land_mu, rng)
    return Base(money, taxes, employees, energy, power, emissions, has_permit, *small)


def _fixed(p: Parameters, population: Population, attribute: str) -> tuple[Ints, Floats]:
    """Sites and values of the landmarks, times the scale."""
    sites = np.array([int(np.flatnonzero(population.giant == k)[0]) for k in range(len(p.landmarks))])
    return sites, np.array([getattr(m, attribute) for m in p.landmarks]) * population.scale


def _by_district(
    values: Floats, district: Ints, free: Bools, targets: Floats, cap: Floats | None = None
) -> Floats:
    """Scale the free firms of each district so that all its firms add up to the district's target."""
    scaled = values.copy()
    for d, target in enumerate(targets.tolist()):
        here = district == d
        moving = here & free
        if not moving.any():
            continue
        rest = max(target - values[here & ~free].sum(), 0.02 * target)
        scaled[moving] = scale_to(values[moving], rest, None if cap is None else cap[moving])
    return scaled


def _output_and_value_added(
    p: Parameters, population: Population, first: Bools, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    f, n, scale = p.firm, population.sites, population.scale
    rate = np.array([d.va_rate for d in p.divisions])[population.group] / 100
    rates = np.clip(rate * (1 + f.va_rate_sd * rng.standard_normal(n)), 0.3 * rate, 0.85)
    output = np.clip(f.output_median * np.exp(f.output_sigma * population.size), f.output_min, f.output_max)
    low = rng.random(n) < f.below_minimum_share
    output[low] = f.output_min * rng.uniform(0.4, 1.0, n)[low]
    pareto = (1 - rng.random(n) * (1 - 10.0**-f.tail_exponent)) ** (-1 / f.tail_exponent)
    output[population.tail] = 10 * YI * pareto[population.tail]
    # Firms that rise above scale later are small ones.
    rising = ~first
    output[rising] = np.clip(2100 * np.exp(0.5 * np.abs(rng.standard_normal(n))), 2050, 12000)[rising]
    # A giant keeps its size unless its district's scaled output is too small for it.
    room = {d.code: 0.25 * d.output * scale for d in p.districts}
    for number, (code, _, size) in enumerate(p.giants):
        at = population.giant == number + len(p.landmarks)
        output[at], rates[at] = min(size, room[code]) * YI, rate[at]
    sites, sizes = _fixed(p, population, "output")
    output[sites] = sizes * YI
    rates[sites] = _fixed(p, population, "value_added")[1] / sizes
    value_added = output * rates

    a = population.first_above
    free = population.giant[:a] < 0
    district, group = population.district[:a], population.group[:a]
    by_district = _district_targets(p, "value_added", scale)
    fixed = np.bincount(district[~free], weights=value_added[:a][~free], minlength=len(p.districts))
    by_group = np.array([d.value_added for d in p.divisions])
    by_group *= p.total("value_added").value * YI * scale / by_group.sum()
    fixed_group = np.bincount(group[~free], weights=value_added[:a][~free], minlength=len(p.divisions))
    va = value_added[:a].copy()
    va[free] = rake(
        va[free],
        [
            (district[free], np.maximum(by_district - fixed, 0.02 * by_district)),
            (group[free], np.maximum(by_group - fixed_group, 0.15 * by_group)),
        ],
    )
    out = va / rates[:a]
    # Firms near the threshold lie spread out above it, not on one figure.
    threshold = f.output_min * np.exp(0.5 * np.abs(rng.standard_normal(a)))
    floor = np.where(free & ~low[:a], threshold, 0.0)
    targets = _district_targets(p, "output", scale)
    for _ in range(12):
        out = _by_district(np.maximum(out, floor), district, free, targets)
    value_added[:a] = _by_district(np.minimum(va, 0.85 * out), district, free, by_district, 0.85 * out)
    output[:a] = out
    return output, value_added


def _district_targets(p: Parameters, attribute: str, scale: float, total: str | None = None) -> Floats:
    """Targets of the districts, in 万元 or persons or 亩, adding up to the city's total."""
    values = np.array([getattr(d, attribute) for d in p.districts], dtype=np.float64)
    entry = p.total(total or attribute)
    unit = YI if entry.unit == "亿元" else 1.0
    scaled: Floats = values * (entry.value * unit * scale / values.sum())
    return scaled


def _employees(
    p: Parameters, population: Population, first: Bools, output: Floats, rng: np.random.Generator
) -> Floats:
    f = p.firm
    z = np.log(np.maximum(output, 1.0) / f.output_median) / f.output_sigma
    own = np.sqrt(1 - f.staff_output_correlation**2) * rng.standard_normal(population.sites)
    few = np.isin(population.group, [j for j, d in enumerate(p.divisions) if d.group in ("25", "26", "44")])
    staff: Floats = f.staff_median * np.exp(f.staff_sigma * (f.staff_output_correlation * z + own))
    staff = np.where(few, 0.5, 1.0) * np.clip(staff, 5, 30000)
    sites, persons = _fixed(p, population, "staff")
    staff[sites] = persons
    free = first & (population.giant != 0) & (population.giant != 1)
    targets = _district_targets(p, "staff", population.scale, "employees")
    district = np.where(first, population.district, -1)
    for _ in range(3):
        staff = _by_district(np.maximum(staff, 3.0), district, free, targets)
    return staff


def _statement(
    p: Parameters,
    population: Population,
    first: Bools,
    *,
    output: Floats,
    value_added: Floats,
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """Revenue, sales, profit, R&D, new products and exports; the first firms' totals are the printed ones."""
    f, n, scale = p.firm, population.sites, population.scale
    process = np.array([d.group in ("25", "31", "32", "44", "45-46", "16") for d in p.divisions])[
        population.group
    ]
    money = {"output": output, "value_added": value_added}

    def to_total(key: str, values: Floats, cap: Floats | None = None) -> Floats:
        scaled = values.copy()
        scaled[first] = scale_to(
            values[first], p.total(key).value * YI * scale, None if cap is None else cap[first]
        )
        return scaled

    money["revenue"] = to_total("revenue", output * rng.uniform(0.9, 1.05, n))
    money["sales_output"] = output * np.clip(rng.normal(0.98, 0.02, n), 0.8, 1.08)
    size_bonus = 1.5 * np.log(np.maximum(output, 1.0) / f.output_median)
    margin = np.clip(rng.normal(f.margin_mean, f.margin_sd, n) + size_bonus, -40, 30) / 100
    margin[population.giant >= 0] = np.maximum(margin[population.giant >= 0], 0.06)
    profit = money["revenue"] * margin
    losses = profit[first & (profit < 0)].sum()
    gains = np.maximum(profit, 0)
    gains[first] = scale_to(
        gains[first],
        p.total("profit").value * YI * scale - losses,
        0.8 * np.maximum(value_added, 0)[first] + 1,
    )
    money["profit"] = np.where(profit < 0, profit, gains)
    share = np.minimum(f.rd_median * np.exp(f.rd_sigma * rng.standard_normal(n)), f.rd_max) / 100
    share[rng.random(n) < f.rd_none_share] = 0
    share[process] = np.minimum(share[process], rng.uniform(0.003, 0.01, n)[process])
    money["rd_expense"] = to_total("rd_expense", money["revenue"] * share, money["revenue"] * f.rd_max / 100)
    new = rng.beta(1.2, 1.8, n) * (rng.random(n) > 0.3) * np.where(process, 0.3, 1.0)
    money["new_product_output"] = to_total("new_product_output", output * new, output * 0.98)
    abroad = rng.beta(0.9, 1.2, n) * (rng.random(n) < f.export_share) * np.where(process, 0.15, 1.0)
    money["export_value"] = to_total("export_value", output * abroad, output * 0.99)
    return money


def _taxes(
    p: Parameters,
    population: Population,
    first: Bools,
    *,
    money: dict[str, Floats],
    land_mu: Floats,
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """Tax contribution by component; districts add up to their targets."""
    f, n = p.firm, population.sites
    va, revenue = money["value_added"], money["revenue"]
    vat = 0.125 * va * np.exp(0.6 * rng.standard_normal(n) - 0.18)
    offset = 0.13 * money["export_value"] * np.exp(0.3 * rng.standard_normal(n) - 0.045)
    income = 0.16 * np.maximum(money["profit"], 0) * rng.uniform(0.6, 1.2, n)
    cars = np.array([d.group == "36" for d in p.divisions])[population.group] & (population.giant >= 0)
    consumption = np.where(cars, 0.01 * revenue, 0.0)
    owns = population.tenure == LANDED
    taxes = {
        "vat": vat,
        "export_offset": offset,
        "income": income,
        "consumption": consumption,
        "surcharge": 0.12 * (vat + offset + consumption),
        # 6 yuan per square metre: 6 x 666.67 / 10,000 = 0.4 万元 per mu
        "land_use": np.where(owns, 0.4 * land_mu, 0.0),
        "property": np.where(owns, 0.7 * land_mu, 0.0) * rng.uniform(0.5, 1.5, n),
        "other": 0.0012 * revenue,
    }
    refund = (rng.random(n) < f.tax_zero_share) & (population.giant < 0) & ~population.tail
    for key in ("export_offset", "income", "consumption", "surcharge"):
        taxes[key] = np.where(refund, 0.0, taxes[key])
    back = taxes["land_use"] + taxes["property"] + taxes["other"]
    taxes["vat"] = np.where(refund, -back * rng.choice([1.0, 1.6], n), taxes["vat"])
    for number, landmark in enumerate(p.landmarks):
        at = population.giant == number
        for key, value in landmark.tax.items():
            taxes[key][at] = value * YI * population.scale
    total = np.sum([taxes[key] for key in TAXES], axis=0)
    free = first & (population.giant != 0) & (population.giant != 1) & ~refund
    district = np.where(first, population.district, -1)
    targets = _district_targets(p, "tax", population.scale, "tax_contribution")
    factor = np.divide(
        _by_district(total, district, free, targets), total, out=np.ones(n), where=free & (total > 0)
    )
    return {key: value * factor for key, value in taxes.items()}


def _statistical_tax(
    p: Parameters, population: Population, first: Bools, taxes: dict[str, Floats], rng: np.random.Generator
) -> Floats:
    """Surcharges, consumption tax and VAT payable: no income tax, no export offset."""
    payable = np.maximum(taxes["vat"], 0) * rng.uniform(0.9, 1.1, population.sites)
    stat = payable + taxes["consumption"] + taxes["surcharge"]
    stat[first] = scale_to(stat[first], p.total("tax_paid_stat").value * YI * population.scale)
    return stat


def _energy(
    p: Parameters, population: Population, first: Bools, value_added: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Energy at equivalent value in tons, and electricity in kWh (0.30 kg of coal each)."""
    n = population.sites
    yields = np.array([d.va_per_tce for d in p.divisions])[population.group]
    energy = np.maximum(value_added, 1.0) / (
        yields * np.exp(p.firm.va_per_tce_sigma * rng.standard_normal(n))
    )
    sites, tons = _fixed(p, population, "energy")
    energy[sites] = tons
    free = first.copy()
    free[sites] = False
    rest = p.total("energy").value * population.scale - tons.sum()
    energy[free] = scale_to(energy[free], rest)
    share = np.array([d.power_share for d in p.divisions])[population.group]
    share = np.clip(share * rng.uniform(0.85, 1.1, n), 0.02, 0.98)
    return energy, energy * share / 0.30 * 1000


def _emissions(
    p: Parameters, population: Population, first: Bools, output: Floats, rng: np.random.Generator
) -> tuple[Bools, dict[str, Floats]]:
    n = population.sites
    dirty = np.array([_DIRTY.get(d.group, 1.0) for d in p.divisions])[population.group]
    has_permit = rng.random(n) < np.minimum(p.firm.emission_share * np.where(dirty > 1, 2.2, 0.75), 0.95)
    emissions = {}
    for pollutant, total in _EMISSION_TOTALS.items():
        amount = np.minimum(rng.pareto(1.1, n) + 0.05, 200) * dirty * np.sqrt(np.maximum(output, 1.0))
        counted = first & has_permit
        tons = total * population.scale
        emissions[pollutant] = amount * (tons / max(amount[counted].sum(), 1.0) if counted.any() else 0.0)
    return has_permit, emissions


def _small_firms(
    p: Parameters, population: Population, land_mu: Floats, rng: np.random.Generator
) -> tuple[Floats, dict[str, Floats], Floats, Floats]:
    """Revenue, taxes, staff and electricity of firms below scale; city totals of the base year's."""
    f, b, n, a = p.firm, p.below_scale, population.sites, population.first_above
    counted = population.status[p.base_year][a:] != 0
    revenue = np.clip(f.below_revenue_median * np.exp(f.below_revenue_sigma * population.size), 5, 2000)
    revenue[:a] = rng.uniform(800, 1900, a)

    def to_total(values: Floats, total: float, cap: Floats | None = None) -> Floats:
        scaled = values.copy()
        rest = scale_to(
            values[a:][counted], total * population.scale, None if cap is None else cap[a:][counted]
        )
        scaled[a:] *= np.median(rest) / max(np.median(values[a:][counted]), 1e-9)
        scaled[a:][counted] = rest
        return scaled

    revenue = to_total(revenue, b.revenue * YI, np.full(n, 1990.0))
    z = np.log(revenue / f.below_revenue_median) / f.below_revenue_sigma
    staff = f.below_staff_median * np.exp(f.below_staff_sigma * (0.7 * z + 0.71 * rng.standard_normal(n)))
    staff = to_total(np.clip(staff, 1, 300), b.staff)
    power = f.below_power_median * np.exp(f.below_power_sigma * (0.7 * z + 0.71 * rng.standard_normal(n)))
    tax = to_total(0.042 * revenue * np.exp(0.7 * rng.standard_normal(n)), b.tax * YI)
    refund = rng.random(n) < f.tax_zero_share
    owns = population.tenure == LANDED
    land_use = np.minimum(np.where(owns, 0.4 * land_mu, 0.0), 0.4 * tax)
    property_tax = np.minimum(np.where(owns, 0.5 * land_mu, 0.0), 0.2 * tax)
    rest = tax - land_use - property_tax
    offset = np.where(rng.random(n) < 0.15, 0.25, 0.0) * rest
    rest = rest - offset
    taxes = {
        "vat": np.where(refund, -land_use - property_tax, 0.68 * rest),
        "export_offset": np.where(refund, 0.0, offset),
        "income": np.where(refund, 0.0, 0.18 * rest),
        "consumption": np.zeros(n),
        "surcharge": np.where(refund, 0.0, 0.09 * rest),
        "land_use": land_use,
        "property": property_tax,
        "other": np.where(refund, 0.0, 0.05 * rest),
    }
    return revenue, taxes, staff, power
