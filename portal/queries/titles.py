"""Titles of codes and columns from the release itself, so that an old release keeps its own wording."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from schemas.coded import title

#: Code lists that the queries read.
LISTS = (
    "district", "managing_zone", "industry_class", "industry_division", "registration_status", "directory_change",
    "per_mu_list", "eval_status", "unit_role", "grade", "grade_reason", "grade_status", "indicator_note",
    "per_mu_indicator", "adjustment_effect", "penalty", "credit", "level", "size_class", "trend", "risk_level",
    "risk_reason", "chain", "chain_tier", "chain_state", "tag", "tag_kind", "evaluation_dimension", "peer_level",
    "consent_state", "identity_flag", "town", "town_note", "status_reason", "feed", "position_reason", "state_reason",
    "peer_group", "identifier_kind", "identity_event_kind", "event", "event_kind", "chain_node", "supplier_evidence",
    "risk_tag", "object_kind", "object_reason", "object_grade_reason", "user_kind", "use_type", "service_division",
    "resource_measure", "resource_treatment", "consequence_note", "settlement",
    "low_efficiency_condition", "low_efficiency_measure", "listing_state", "potential_reason", "land_tool",
    "visit_finding", "promise_indicator", "promise_state", "land_term",
    "quota_state", "energy_warning", "energy_class", "energy_allocation_state", "energy_transfer_kind",
    "right_transfer_kind", "transfer_state", "transfer_refusal", "ledger_entry_kind", "pollutant", "right_state",
    "carbon_level", "carbon_note", "protection", "supply_mode",
)  # fmt: skip
#: Names that stand for several feeds in the tables.
_FEED_TITLES = {
    "gov_statistics": ("统计年报与月报", "statistics"),
    "tax_contribution": ("税收实际贡献", "tax contribution"),
}


@dataclass(frozen=True)
class Named:
    """A code with its titles."""

    code: str
    zh: str
    en: str

    def __str__(self) -> str:
        return self.zh if self.zh == self.en else f"{self.zh} {self.en}"

    @property
    def in_line(self) -> Named:
        """The titles for use within a line.

        >>> str(Named("renamed", "已更名", "Renamed").in_line)
        '已更名 renamed'
        """
        return replace(self, en=f"{self.en[:1].lower()}{self.en[1:]}")


@dataclass(frozen=True)
class Titles:
    """Titles of codes from the release; the platform's own title for a code that the release does not have."""

    rows: Mapping[tuple[str, str], Mapping[str, Any]]

    @classmethod
    def read(cls, query: Callable[..., list[dict[str, Any]]]) -> Self:
        rows = query("SELECT * FROM release.code WHERE list_contains(?, list)", LISTS)
        return cls({(row["list"], row["code"]): row for row in rows})

    def __call__(self, list_name: str, code: str) -> Named:
        if row := self.rows.get((list_name, code)):
            return Named(code, row["zh"], row["en"] or row["zh"])
        given = title(list_name, code)
        return Named(code, given.zh, given.en)

    def maybe(self, list_name: str, code: str | None) -> Named | None:
        """The code with its titles; ``None`` if there is no code."""
        return self(list_name, code) if code else None

    def has(self, list_name: str, code: str) -> bool:
        """Whether the release's list has the code."""
        return (list_name, code) in self.rows


@dataclass(frozen=True)
class Column:
    """A column's titles and its unit, empty where it has none."""

    title: Named
    unit: str


@dataclass(frozen=True)
class Dictionary:
    """Columns by their names."""

    columns: Mapping[str, Column]

    @classmethod
    def read(cls, query: Callable[..., list[dict[str, Any]]]) -> Self:
        rows = query(
            "SELECT DISTINCT column_name, title_zh, title_en, unit FROM release.dictionary ORDER BY ALL"
        )
        return cls({name: _column(name, row) for row in rows if (name := row["column_name"])})

    def column(self, name: str) -> Column:
        """A column; if the release does not know it, its name is its title."""
        return self.columns.get(name, Column(Named(name, name, name), ""))

    def figure_or_feed(self, name: str) -> Named:
        """The title of a figure or of a feed."""
        if name in _FEED_TITLES:
            return Named(name, *_FEED_TITLES[name])
        if "." not in name and name.startswith(("gov_", "ent_")):
            from schemas.contract import contracts

            spec = contracts().get(f"raw.{name}")
            return Named(name, spec.title.zh, spec.title.en) if spec else Named(name, name, name)
        return self.column(name).title


def _column(name: str, row: Mapping[str, Any]) -> Column:
    return Column(Named(name, row["title_zh"], row["title_en"]), row["unit"] or "")
