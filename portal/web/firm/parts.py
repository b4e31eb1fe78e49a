"""What all parts of the sheet share: addresses, lines in the page's language, and what is unseen or missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jobs.per_mu.steps.reasons import Owed
from portal.access import views
from portal.card.sheet import NEEDS, Card, Section
from portal.queries.chain import Position
from portal.queries.tags import Fact
from portal.queries.titles import Named
from portal.web import numbers
from portal.web.frame import Frame
from schemas.contract import contract

#: Tables of the sections that :data:`portal.card.sheet.NEEDS` does not name.
_TABLES: Mapping[Section, str] = {
    "trend": "core.enterprise_year",
    "lift": "per_mu.indicator_value",
    "events": "core.enterprise_event",
}


def unseen(frame: Frame) -> frozenset[Section]:
    """Sections of whose tables the viewer sees no row, whichever firm it is: a town's clerk sees few."""
    tables = {**{section: names[0] for section, names in NEEDS.items()}, **_TABLES}
    return frozenset(
        section for section, table in tables.items() if not views.sees_rows(contract(table), frame.viewer.cut)
    )


def proof(frame: Frame, card: Card, table: str, column: str, **key: object) -> str:
    """Address of the evidence of a figure of the firm."""
    return frame.url(f"/evidence/{table}", **{"uscc": card.uscc, "year": card.year, **key}, column=column)


def joined(frame: Frame, reasons: Sequence[Named]) -> str:
    return frame.t("；", "; ").join(map(frame.name, reasons))


def node_url(frame: Frame, card: Card, position: Position) -> str:
    """The page of the node; empty for a firm outside the chains."""
    if position.is_out:
        return ""
    return frame.url(f"/chain/{position.chain.code}/node/{position.node.code}", year=card.year)


def _named(frame: Frame, feeds: Sequence[Named]) -> str:
    return frame.t("、", ", ").join(map(frame.name, feeds))


def fact(frame: Frame, one: Fact) -> str:
    """A figure behind a tag."""
    if one.value is None:
        return frame.name(one.title)
    unit = numbers.unit_name(one.unit, frame.lang)
    return f"{frame.name(one.title)} {frame.name(one.value)}{frame.t('', ' ') if unit != '%' else ''}{unit}".rstrip()


def _owed(frame: Frame, one: Owed) -> str:
    return frame.t(
        f"应报未报：{one.figure_zh}（{one.firms_zh}）；依据{one.source}；补正：{one.remedy_zh}",
        f"Owed and withheld: {one.figure_en} ({one.firms_en}), by {one.source}; to mend it: {one.remedy_en}",
    )


def missing(frame: Frame, card: Card) -> list[str]:
    """What is missing from the firm's data, and why."""
    who = card.who
    colon = frame.t("：", ": ")
    found = []
    if who.missing_feeds:
        found.append(frame.t("未收到", "Not received") + colon + _named(frame, who.missing_feeds))
    if who.quarantined_feeds:
        found.append(
            frame.t("记录被隔离，待更正", "Records in quarantine until corrected")
            + colon
            + _named(frame, who.quarantined_feeds)
        )
    if card.lift:
        found += [
            f"{frame.name(one.indicator)}{colon}{frame.name(one.note)}"
            for one in card.lift.indicators
            if one.value is None and one.note is not None
        ]
        found += [_owed(frame, one) for one in card.lift.withheld]
    if card.left_out:
        names = {
            "chain": frame.t("产业链", "chains"), "profile": frame.t("画像", "profile"),
            "tags": frame.t("标签", "tags"), "score": frame.t("综合评价", "comprehensive score"),
        }  # fmt: skip
        parts = frame.t("、", ", ").join(names[section] for section in card.left_out)
        found.append(frame.t("本版本不含", "Not in this release") + colon + parts)
    return found
