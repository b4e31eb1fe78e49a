"""Aims of the demo city (示范城市目标), read from ``aims.yml`` in this folder.

An aim states its own value and does not take it from the parameters of the draws: a parameter that is changed by
mistake must not move the aim with it. Only the totals and districts are those of ``parameters.yml``, because the city
is fitted to them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from demo_city.world.parameters import Parameters, parameters
from schemas.contract import ContractError
from schemas.definition import Definition, Titles, first_error, read_mapping

AIMS = Path(__file__).with_name("aims.yml")

#: Lowest and highest value; None: no limit on this side.
Interval = tuple[float | None, float | None]


class Source(Definition):
    """Where an aimed value is from: P printed, D derived, S public source, A assumed."""

    mark: Literal["P", "D", "S", "A"]
    text: str = ""


class Aim(Definition):
    """One aimed value or interval, and the bounds that a built city must keep.

    ``bound`` holds at scale 1, ``bound_tenth`` at scale 0.1, where a share rests on a tenth of the firms. Without a
    bound the value is shown and not judged. Numbers and sums are divided by the scale before they are compared.
    """

    key: str
    title: Titles
    unit: str
    #: First and last year; each year must keep the bound.
    years: tuple[int, int]
    aim: Interval
    bound: Interval | None = None
    bound_tenth: Interval | None = None
    #: Decimal places shown.
    digits: int = 1
    source: Source
    #: Name of a function in ``demo_city/aims/measures.py``, and its arguments beside the year.
    measure: str
    arguments: dict[str, str | int | float] = Field(default_factory=dict)

    def bound_at(self, scale: float) -> Interval | None:
        return self.bound if scale >= 1 else self.bound_tenth

    @model_validator(mode="after")
    def _wider(self) -> Aim:
        if self.bound and self.bound_tenth:
            (low, high), (lower, higher) = self.bound, self.bound_tenth
            narrower_below = lower is not None and (low is None or lower > low)
            narrower_above = higher is not None and (high is None or higher < high)
            if narrower_below or narrower_above:
                raise ValueError(f"{self.key}: the bound at scale 0.1 must contain that at scale 1")
        return self


class Group(Definition):
    """Aims that are shown as one table."""

    key: str
    title: Titles
    aims: tuple[Aim, ...]


@cache
def groups() -> tuple[Group, ...]:
    """The aims, validated.

    Raises:
        ContractError: aims.yml is not well formed.
    """
    raw, p = read_mapping(AIMS, ContractError), parameters()
    try:
        made = tuple(
            Group.model_validate({"key": key, "title": group["title"], "aims": _of_group(p, group["aims"])})
            for key, group in raw.items()
        )
    except ValidationError as error:
        raise ContractError(f"demo_city/aims/aims.yml: {first_error(error)}") from None
    return made


def _of_group(p: Parameters, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_complete(p, aim) for entry in entries for aim in _for_each_district(p, entry)]


def _for_each_district(p: Parameters, raw: dict[str, Any]) -> list[dict[str, Any]]:
    """An entry with ``each_district`` stands for ten: a district's attribute of the parameters is its aimed value."""
    if "each_district" not in raw:
        return [raw]
    attribute, zh, en = raw["each_district"], raw["title"]["zh"], raw["title"]["en"]
    rest = {key: value for key, value in raw.items() if key != "each_district"}
    return [
        {
            **rest,
            "key": f"{attribute}_{district.code}",
            "title": {"zh": f"{district.name}{zh}", "en": f"{district.pinyin.capitalize()}, {en}"},
            "aim": getattr(district, attribute),
            "measure": "district_total",
            "arguments": {**raw["arguments"], "district": district.code},
        }
        for district in p.districts
    ]


def _complete(p: Parameters, raw: dict[str, Any]) -> dict[str, Any]:
    """An entry of the file with all fields of an aim.

    ``total`` stands for the value, unit, Chinese title and measure of a total of the parameters, and ``within_pct``
    for both bounds, in percent of the aimed value. A single aimed value is an interval of one point.
    """
    aim: dict[str, Any] = {"years": [p.base_year, p.base_year], **raw}
    if (key := aim.pop("total", None)) is not None:
        total = next(t for t in (*p.totals, *p.marks.totals) if t.key == key)
        aim |= {"key": f"total_{key}", "unit": total.unit, "aim": total.value, "measure": "total"}
        aim |= {"arguments": {"key": key}, "title": {"zh": total.zh, "en": aim.pop("en")}}
    if not isinstance(aim["aim"], list):
        aim["aim"] = [aim["aim"]] * 2
    if (within := aim.pop("within_pct", None)) is not None:
        low, high = (float(value) for value in aim["aim"])
        bounds = [[low * (1 - float(w) / 100), high * (1 + float(w) / 100)] for w in within]
        aim |= dict(zip(("bound", "bound_tenth"), bounds, strict=True))
    return aim


def aims() -> tuple[Aim, ...]:
    """All aims, group by group."""
    return tuple(aim for group in groups() for aim in group.aims)
