"""Reasons of grades and scores in words; works without Spark, as reading a release does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.contract import code_list, contract

if TYPE_CHECKING:
    from jobs.per_mu.rules.models import Duty

LAND_FEEDS = ("gov_land_parcel", "gov_land_survey")
STATISTICS_FEEDS = ("gov_statistics_annual", "gov_statistics_monthly")
#: Feed, as ``missing_feeds`` names it → figures of the evaluation that come from it.
FEED_FIGURES = {
    "gov_tax": ("tax_contribution", "declared_revenue_wan_yuan"),
    "gov_statistics": (
        "value_added_wan_yuan", "employees_average", "rd_expense_wan_yuan", "revenue_wan_yuan", "output_wan_yuan",
        "sales_output_wan_yuan", "profit_wan_yuan", "new_product_output_wan_yuan", "export_value_wan_yuan",
        "technical_investment_wan_yuan",
    ),
    "gov_energy": ("energy_tce",),
    "gov_emission": ("emission_t", "cod_t", "nh3n_t", "so2_t", "nox_t"),
    "gov_electricity": ("power_kwh",),
    "gov_social_insurance": ("insured_count",),
    "gov_water": ("water_m3",),
}  # fmt: skip


def told_reason(code: str) -> str:
    """A reason of ``grade_reasons`` in words.

    >>> told_reason("veto:tax_evasion")
    '一票否决：偷逃税 veto'
    """
    kind, _, rest = code.partition(":")
    if kind == "refill":
        return "被否决企业空出的名额依次递补 refilled"
    if kind == "veto":
        return f"一票否决：{title_of('penalty', rest)} veto"
    if kind == "protection":
        return "保护：不低于C类 protected from D"
    if kind in ("inherited", "shared"):
        return f"随 {rest} 评价"
    if kind == "manual":
        return f"联席会议调档：{title_of('grade_adjustment_reason', rest)} adjusted by the joint meeting"
    return code


def feeds_of(what: str) -> tuple[str, ...]:
    """The feeds behind a figure, or behind a name that stands for several feeds.

    >>> feeds_of("value_added_wan_yuan"), feeds_of("gov_tax")
    (('gov_statistics_annual', 'gov_statistics_monthly'), ('gov_tax',))
    """
    feed = next((feed for feed, figures in FEED_FIGURES.items() if what in figures), what)
    return STATISTICS_FEEDS if feed == "gov_statistics" else (feed,)


def owners_of(*feeds: str) -> str:
    """Whom to ask about the data of feeds.

    >>> owners_of("gov_statistics_annual", "gov_statistics_monthly")
    '宁波市统计局'
    """
    return "、".join(dict.fromkeys(contract(f"raw.{feed}").owner for feed in feeds))


@dataclass(frozen=True)
class Owed:
    """A report that a unit owes and withholds: of which figure, which firms by what, and how to mend it."""

    figure_zh: str
    figure_en: str
    firms_zh: str
    firms_en: str
    source: str
    remedy_zh: str
    remedy_en: str

    def lines(self) -> list[str]:
        """In lines that fit a screen."""
        return [
            f"应报未报 withheld: {self.figure_zh} · {self.firms_zh}",
            f"依据 by {self.source}",
            f"补正 to mend: {self.remedy_zh}",
            self.remedy_en,
        ]


def owed(duty: Duty, firms: Iterable[Mapping[str, Any]]) -> Owed:
    """What a unit withholds.

    Args:
        firms: rows of core.enterprise_year of the unit's firms.
    """
    figure = contract("core.enterprise_year").column(duty.figure)
    owing = [firm for firm in firms if duty.feed in firm["missing_feeds"]]
    return Owed(
        figure.zh,
        figure.en,
        "、".join(_by_what(duty, firm, "zh") for firm in owing),
        ", ".join(_by_what(duty, firm, "en") for firm in owing),
        duty.source,
        duty.remedy.zh,
        duty.remedy.en,
    )


def _by_what(duty: Duty, firm: Mapping[str, Any], lang: str) -> str:
    """A firm's code, and the values that show why it owes the report."""
    spec = contract("core.enterprise_year")
    proof = [
        title_of(codes, str(firm[name]), lang) if (codes := spec.column(name).domain.codes) else firm[name]
        for name in duty.proof
        if firm.get(name)
    ]
    return " ".join(map(str, (firm["uscc"], *proof)))


def title_of(list_name: str, code: str, lang: str = "zh") -> str:
    """The title of a code, or the code where the list does not have it."""
    row = code_list(list_name).get(code)
    return row[lang] if row else code
