"""An enterprise's tags, and the figures behind them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from portal.queries.release import Query, rows_of_latest_period
from portal.queries.titles import Named
from schemas.contract import fields

TABLE = "profile.enterprise_tag"
#: Tables that the query needs.
NEEDS = (TABLE,)
_COLUMNS = ("tag_code", "tag_kind_code", "tag_evidence")

#: Kinds of tags in order of importance to a visitor.
_KINDS = (
    "watch", "credit", "chain", "growth", "honour", "innovation", "evaluation", "market", "resource", "scale",
)  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """A figure or code behind a tag; one that is only true or false has no value."""

    title: Named
    value: Named | None
    unit: str

    def __str__(self) -> str:
        return f"{self.title.zh} {self.value.zh}{self.unit}" if self.value else self.title.zh


@dataclass(frozen=True)
class Tag:
    """A tag and the figures behind it."""

    tag: Named
    kind: Named
    evidence: tuple[Fact, ...]


def tags(query: Query, uscc: str, year: str) -> tuple[Tag, ...] | None:
    """The tags of the year's latest period by kind and code; ``None`` if the release has no tags."""
    if not query.tables.issuperset(NEEDS):
        return None
    # of a firm without consent the reader sees no tag
    rows = [row for row in rows_of_latest_period(query, TABLE, uscc, year, _COLUMNS) if row["tag_code"]]
    rows.sort(key=lambda row: (_kind_order(row["tag_kind_code"]), row["tag_code"]))
    return tuple(
        Tag(
            query.titles("tag", row["tag_code"]),
            query.titles("tag_kind", row["tag_kind_code"]),
            tuple(_evidence(query, given) for given in row["tag_evidence"]),
        )
        for row in rows
    )


def _evidence(query: Query, given: str) -> Fact:
    """``field=value`` with title and unit, codes by their titles."""
    name, _, value = given.partition("=")
    column = query.dictionary.column(name)
    if value == "true":
        return Fact(column.title, None, "")
    if name in fields() and (codes := fields()[name].domain.codes):
        named = [query.titles(codes, code.strip()) for code in value.strip("[]").split(",")]
        joined = Named(value, "、".join(one.zh for one in named), ", ".join(one.en for one in named))
        return Fact(column.title, joined, column.unit)
    return Fact(column.title, Named(value, _plain(value), _plain(value)), column.unit)


def _kind_order(kind: str) -> int:
    return _KINDS.index(kind) if kind in _KINDS else len(_KINDS)


def _plain(value: str) -> str:
    """A figure without trailing zeros and with thousands separated; other texts unchanged.

    >>> _plain("12345.500000"), _plain("2023")
    ('12,345.5', '2023')
    """
    head, point, tail = value.partition(".")
    if not point or not head.lstrip("-").isdigit() or not tail.isdigit():
        return value
    return f"{Decimal(value):,f}".rstrip("0").rstrip(".")
