"""One enterprise's sheet 企业画像卡: what a release knows of it, gathered from the answers of :mod:`portal.queries`.

The sheet goes with an official on a visit (走访单): who the firm is, its grade and why, five years, its places in the
chains, tags, scores beside its peers, and what would lift it. Amounts are in 万元, land in 亩. What a release or a firm
does not have is said in words, never shown as zero. :mod:`portal.card.screen` and :mod:`portal.card.page` show it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Literal

from portal.queries import chain, enterprise, profile, scores, tags
from portal.queries.chain import Position
from portal.queries.enterprise import Who
from portal.queries.grade import Grade, Standing, grade, standing
from portal.queries.history import YearFigures, history
from portal.queries.lift import Lift, lift
from portal.queries.profile import Profile
from portal.queries.release import Query, is_synthetic
from portal.queries.scores import Score
from portal.queries.tags import Tag
from portal.queries.titles import Named

Section = Literal["grade", "trend", "lift", "chain", "profile", "tags", "score"]

#: Tables that a section needs; a release without them has no such section.
NEEDS: Mapping[Section, tuple[str, ...]] = {
    "chain": chain.NEEDS,
    "profile": profile.NEEDS,
    "tags": tags.NEEDS,
    "score": scores.NEEDS,
}


@dataclass(frozen=True)
class Card:
    """The sheet. A section is ``None`` where the release has no tables for it, and empty where the firm has none;
    ``notes`` says why, by section."""

    release: int
    synthetic: str
    uscc: str
    year: str
    period: str
    known_at: date | None
    is_latest_year: bool
    who: Who
    standing: Standing | None
    grade: Grade | None
    trend: tuple[YearFigures, ...]
    lift: Lift | None
    positions: tuple[Position, ...] | None
    profile: Profile | None
    tags: tuple[Tag, ...] | None
    score: Score | None
    notes: Mapping[Section, str]
    #: Sections for which the release has no tables.
    left_out: tuple[Section, ...]


def as_row(card: Card) -> dict[str, Any]:
    """The sheet as one object, for programs."""
    return asdict(card)


def gather(query: Query, number: int, uscc: str, year: str | None = None) -> Card:
    """The sheet of a firm for a year, its last one in the directory when none is given.

    Raises:
        UsageError: the firm is not in the directory of that year.
    """
    year = enterprise.year_in_directory(query, uscc, year)
    asked = (query, uscc, year)
    found, stands = profile.profile(*asked), standing(*asked)
    card = Card(
        release=number,
        synthetic="合成数据 Synthetic data" if is_synthetic(query) else "",
        uscc=uscc,
        year=year,
        period=found.period if found else year,
        known_at=enterprise.known_at(*asked),
        is_latest_year=enterprise.is_latest_year(query, year),
        who=enterprise.who(*asked),
        standing=stands,
        grade=grade(*asked),
        trend=history(*asked),
        lift=lift(*asked) if stands else None,
        positions=chain.positions(*asked),
        profile=found,
        tags=tags.tags(*asked),
        score=scores.score(*asked),
        notes={},
        left_out=tuple(section for section, names in NEEDS.items() if not query.tables.issuperset(names)),
    )
    has_no_total = card.score is not None and card.score.total is None
    gone = scores.missing_dimensions(*asked) if has_no_total else ()
    return replace(card, notes=dict(_notes(card, gone)))


def _notes(card: Card, missing_dimensions: Sequence[Named]) -> Iterator[tuple[Section, str]]:
    """Why a section says less than it might: section and reason."""
    year = card.year
    if card.standing is None:
        yield "grade", f"{year} 年不在参评名单 not in the population of the evaluation"
    elif card.grade is None:
        reasons = "；".join(card.standing.reasons)
        yield "grade", f"{card.standing.status}：{reasons}" if reasons else f"{card.standing.status}"
    if card.lift is None:
        yield "lift", "无等级，无可比 without a grade there is nothing to lift"
    elif card.standing and not card.standing.is_own:
        holder = f"{card.standing.unit_name or ''} {card.standing.unit_uscc}"
        yield "lift", f"指标为宗地主的 the indicators are the holder's: {holder}"
    if card.positions is not None and not card.positions:
        yield "chain", f"{year} 年无环节定位 no position in {year}"
    elif card.positions and all(position.is_out for position in card.positions):
        yield "chain", "不在十条产业链内 outside the ten chains"
    if card.profile is None and "profile" not in card.left_out:
        yield "profile", f"{year} 年无画像 no profile of {year}"
    if card.tags is not None and not card.tags:
        yield "tags", f"{year} 年无标签 no tags in {year}"
    if card.score is None and "score" not in card.left_out:
        why = "" if card.who.is_above_scale else "，只评规上企业 only firms above scale are scored"
        yield "score", f"{year} 年无综合评价 no score of {year}{why}"
    elif card.score and card.score.total is None:
        gone = "、".join(dimension.zh for dimension in missing_dimensions)
        yield "score", f"无总分，缺维度太多 no total, too many dimensions are missing: {gone}"
