"""Figures, dates and amounts as pages show them; the templates' filters.

Digits are those of the sheet in the terminal (``portal.card.words.figures``), so that the two never differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from portal.card.words import figures

Language = Literal["zh", "en"]
#: What a figure of a release may be; texts are codes and dates.
Number = Decimal | int | float
#: A true minus, as wide as a plus: columns of changes are aligned.
MINUS = "−"
LOCAL = ZoneInfo("Asia/Shanghai")
#: Units in English. Amounts of money are not here: ``measure`` chooses their size.
UNITS = {
    "家": "firms",
    "次": "times",
    "个": "",
    "项": "",
    "件": "",
    "笔": "trades",
    "起": "",
    "人": "people",
    "亩": "mu",
    "分": "points",
    "年": "years",
    "个月": "months",
    "吨": "t",
    "吨标准煤": "tce",
    "千瓦时": "kWh",
    "万千瓦时": "10⁴ kWh",
    "元/千瓦时": "CNY/kWh",
    "元/吨": "CNY/t",
    "立方米": "m³",
    "平方米": "m²",
    "倍": "times",
    "月": "month",
    "层": "floors",
    "星": "stars",
    "人或万元": "people or 10⁴ CNY",
    "按指标": "by indicator",
    "按基数": "by base",
    "按措施": "by measure",
    "人/亩": "people/mu",
    "天": "days",
    "条": "records",
    "按产能单位": "by capacity",
    "级": "",
    "万元/亩": "10⁴ CNY/mu",
    "吨/万元": "t/10⁴ CNY",
    "万元/人": "10⁴ CNY/person",
    "吨标准煤/万元": "tce/10⁴ CNY",
    "千克/万元": "kg/10⁴ CNY",
    "立方米/万元": "m³/10⁴ CNY",
    "万元/吨标准煤": "10⁴ CNY/tce",
    "万元/吨": "10⁴ CNY/t",
    "比值": "ratio",
    "宗": "parcels",
    "户": "users",
    "元/平方米": "CNY/m²",
    "元/立方米": "CNY/m³",
    "万元/百平方米": "10⁴ CNY/100 m²",
}


@dataclass(frozen=True)
class Measure:
    """A figure as text, with the unit that it is in."""

    text: str
    unit: str


@dataclass(frozen=True)
class Missing:
    """Stands in a cell for a figure that is missing, with the reason."""

    reason: str


def measure(value: Number, unit: str, lang: Language) -> Measure:
    """A figure in the unit in which it reads best.

    >>> measure(Decimal("9999.4"), "万元", "zh"), measure(Decimal("123456"), "万元", "zh")
    (Measure(text='9,999', unit='万元'), Measure(text='12.35', unit='亿元'))
    >>> measure(Decimal("123456"), "万元", "en"), measure(Decimal("1234"), "万元", "en")
    (Measure(text='1.23', unit='CNY bn'), Measure(text='12.34', unit='CNY m'))
    >>> measure(41, "家", "en"), measure(Decimal("8.25"), "%", "zh"), measure(Decimal("8.25"), "万元/亩", "en")
    (Measure(text='41', unit='firms'), Measure(text='8.25', unit='%'), Measure(text='8.25', unit='10⁴ CNY/mu'))
    """
    found = _decimal(value)
    if unit == "万元":
        factor, name = _money(abs(found), lang)
        return Measure(number(found * factor), name)
    return Measure(number(found), unit_name(unit, lang))


def _money(size: Decimal, lang: Language) -> tuple[Decimal, str]:
    """Factor from 万元, and the unit's name."""
    if lang == "zh":
        return (Decimal("0.0001"), "亿元") if size >= 10_000 else (Decimal(1), "万元")
    if size >= 100_000:
        return Decimal("0.00001"), "CNY bn"
    return (Decimal("0.01"), "CNY m") if size >= 100 else (Decimal(10), "CNY k")


def unit_name(unit: str, lang: Language) -> str:
    """A unit in the page's language; in headings amounts keep the unit of the column.

    >>> unit_name("万元", "en"), unit_name("吨标准煤", "en"), unit_name("吨标准煤", "zh")
    ('10⁴ CNY', 'tce', '吨标准煤')
    """
    if lang == "zh":
        return unit
    return {"万元": "10⁴ CNY", "亿元": "10⁸ CNY", **UNITS}.get(unit, unit)


def number(value: Number) -> str:
    """A figure with the digits that say something: none after the point from a thousand, else two, below one four.

    >>> number(Decimal("12345.678")), number(Decimal("12.5")), number(Decimal("0.02641")), number(-1234567)
    ('12,346', '12.5', '0.0264', '−1,234,567')
    """
    return figures.amount(_decimal(value)).replace("-", MINUS)


def fixed(value: Number, decimals: int) -> str:
    """A figure with so many decimals, for columns in which points should stand below each other.

    >>> fixed(Decimal("101.2"), 2), fixed(Decimal("-0.004"), 2)
    ('101.20', '0.00')
    """
    rounded = _decimal(value).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return f"{rounded or abs(rounded):,}".replace("-", MINUS)


def pct(value: Number) -> str:
    """
    >>> pct(Decimal("33.333")), pct(100)
    ('33.3%', '100.0%')
    """
    return f"{fixed(value, 1)}%"


def signed_pct(value: Number) -> str:
    """
    >>> signed_pct(Decimal("3.25")), signed_pct(Decimal("-0.5")), signed_pct(0)
    ('+3.3%', '−0.5%', '0.0%')
    """
    return signed(pct(value))


def signed(text: str) -> str:
    """A positive figure's text with a plus.

    >>> signed("1.5"), signed("−2"), signed("0.0%")
    ('+1.5', '−2', '0.0%')
    """
    return f"+{text}" if any(c in "123456789" for c in text) and not text.startswith(MINUS) else text


def day(value: date | datetime | str) -> str:
    """A day, or a moment in Ningbo's time; a period such as 2024 or 2024-12 remains as it is.

    >>> day("2026-11-29T18:08:54+00:00"), day("2024-12"), day(date(2025, 7, 1))
    ('2026-11-30 02:08', '2024-12', '2025-07-01')
    """
    if isinstance(value, str):
        if "T" not in value and " " not in value:
            return value
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(LOCAL) if value.tzinfo else value:%Y-%m-%d %H:%M}"
    return value.isoformat()


def _decimal(value: Number) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))
