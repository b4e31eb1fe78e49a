"""One enterprise's sheet 企业画像卡: the data of a release about it, gathered by :mod:`portal.queries`.

An official takes the sheet along on a visit (走访单). It has the firm's identity, its grade with reasons, five years,
chain positions, tags, score compared with its peers, and what would raise the grade. Amounts are in 万元, land in 亩.
Missing data is stated in words, never shown as zero. :mod:`portal.card.screen` and :mod:`portal.card.page` show it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Literal

from portal.queries import chain, enterprise, profile, scores, tags
from portal.queries.chain import Position
from portal.queries.consent import Consent, consent
from portal.queries.enterprise import Who
from portal.queries.events import Event, events
from portal.queries.grade import Grade, Standing, grade, standing
from portal.queries.history import YearFigures, history
from portal.queries.lift import Lift, lift
from portal.queries.profile import Profile
from portal.queries.release import Query, is_synthetic
from portal.queries.scores import Score
from portal.queries.tags import Tag
from portal.queries.titles import Named

Section = Literal["grade", "trend", "lift", "chain", "profile", "tags", "score", "events"]
#: Why statistics are not shown: the law forbids to pass them on, and the firm has not agreed.
NOT_SHOWN = Named(
    "not_shown",
    "未获授权不予展示（统计法（2024年修正）第二十八条）",
    "not shown without the firm's consent (Statistics Law (2024), article 28)",
)

#: Tables that a section needs; a release without them has no such section.
NEEDS: Mapping[Section, tuple[str, ...]] = {
    "chain": chain.NEEDS,
    "profile": profile.NEEDS,
    "tags": tags.NEEDS,
    "score": scores.NEEDS,
}


@dataclass(frozen=True)
class Card:
    """The sheet. A section is ``None`` if the release has no tables for it, and ``None`` or empty if the firm has no
    rows; ``notes`` has the reason by section."""

    release: int
    synthetic: str
    uscc: str
    year: str
    period: str
    known_at: date | None
    is_latest_year: bool
    who: Who
    #: The identifier by which the firm was found, if not by its code or name.
    found_by: str
    standing: Standing | None
    grade: Grade | None
    #: ``None`` also if the release is older than the consents.
    consent: Consent | None
    trend: tuple[YearFigures, ...]
    lift: Lift | None
    positions: tuple[Position, ...] | None
    profile: Profile | None
    tags: tuple[Tag, ...] | None
    score: Score | None
    notes: Mapping[Section, Named]
    #: Sections for which the release has no tables.
    left_out: tuple[Section, ...]
    #: Sections whose statistics are withheld from the reader for want of consent.
    not_shown: tuple[Section, ...] = ()
    #: Honours, penalties, accidents and credit records; ``None`` if the release has no table for them.
    events: tuple[Event, ...] | None = None


def as_row(card: Card) -> dict[str, Any]:
    """The sheet as one JSON object."""
    return asdict(card)


def gather(
    query: Query,
    number: int,
    uscc: str,
    year: str | None = None,
    found_by: str = "",
    *,
    with_ways: bool = True,
) -> Card:
    """The sheet of a firm for a year; by default its latest year in the directory.

    Args:
        with_ways: whether the ways to a better grade are computed (:func:`portal.queries.lift.lift`).

    Raises:
        UsageError: the firm is not in the directory of that year.
    """
    year = enterprise.year_in_directory(query, uscc, year)
    asked = (query, uscc, year)
    own_profile, own_standing = profile.profile(*asked), standing(*asked)
    card = Card(
        release=number,
        synthetic="合成数据 Synthetic data" if is_synthetic(query) else "",
        uscc=uscc,
        year=year,
        period=own_profile.period if own_profile else year,
        known_at=enterprise.known_at(*asked),
        is_latest_year=enterprise.is_latest_year(query, year),
        who=enterprise.who(*asked),
        found_by=found_by,
        standing=own_standing,
        grade=grade(*asked),
        consent=consent(*asked),
        trend=history(*asked),
        lift=lift(*asked, with_ways=with_ways) if own_standing else None,
        positions=chain.positions(*asked),
        profile=own_profile,
        tags=tags.tags(*asked),
        score=scores.score(*asked),
        notes={},
        left_out=tuple(section for section, names in NEEDS.items() if not query.tables.issuperset(names)),
        events=events(*asked),
    )
    card = replace(card, not_shown=tuple(_not_shown(card)))
    has_no_total = card.score is not None and card.score.total is None and not card.score.is_not_shown
    missing = scores.missing_dimensions(*asked) if has_no_total else ()
    return replace(card, notes=dict(_notes(card, missing)))


def _not_shown(card: Card) -> Iterator[Section]:
    """The sections of which the reader may not see statistics of this firm."""
    if card.grade is not None and card.grade.rank is not None and card.grade.total_score is None:
        yield "grade"
    if any(year.is_not_shown for year in card.trend):
        yield "trend"
    if card.lift is not None and card.lift.is_not_shown:
        yield "lift"
    if card.profile is not None and card.profile.is_not_shown:
        yield from ("profile", "tags")
    if card.score is not None and card.score.is_not_shown:
        yield "score"


def _notes(card: Card, missing_dimensions: Sequence[Named]) -> Iterator[tuple[Section, Named]]:
    """Sections with missing or inherited content, each with the reason."""
    year = card.year
    yield from ((section, NOT_SHOWN) for section in card.not_shown)
    if card.standing is None:
        yield "grade", _note(f"{year} 年不在参评名单", "not in the population of the evaluation")
    elif card.grade is None:
        status, reasons = card.standing.status, card.standing.reasons
        yield (
            "grade",
            _note(
                "：".join(filter(None, (status.zh, "；".join(one.zh for one in reasons)))),
                ": ".join(filter(None, (status.en, "; ".join(one.en for one in reasons)))),
            ),
        )
    if card.lift is None:
        yield "lift", _note("无等级，不作提升分析", "no grade that could be raised")
    elif card.standing and not card.standing.is_own:
        holder = f"{card.standing.unit_name or ''} {card.standing.unit_uscc}"
        yield "lift", _note("指标取自宗地主", f"indicators of the parcel's holder: {holder}")
    if card.positions is not None and not card.positions:
        yield "chain", _note(f"{year} 年无环节定位", f"no position in {year}")
    elif card.positions and all(position.is_out for position in card.positions):
        yield "chain", _note("不在十条产业链内", "outside the ten chains")
    if card.profile is None and "profile" not in card.left_out:
        yield "profile", _note(f"{year} 年无画像", f"no profile of {year}")
    if card.tags is not None and not card.tags and "tags" not in card.not_shown:
        yield "tags", _note(f"{year} 年无标签", f"no tags in {year}")
    if card.score is None and "score" not in card.left_out:
        zh, en = (
            ("", "") if card.who.is_above_scale else ("，只评规上企业", "; only firms above scale are scored")
        )
        yield "score", _note(f"{year} 年无综合评价{zh}", f"no score of {year}{en}")
    elif card.score and card.score.total is None and not card.score.is_not_shown:
        yield (
            "score",
            _note(
                f"无总分，缺失维度过多：{'、'.join(one.zh for one in missing_dimensions)}",
                f"no total, too many dimensions are missing: {', '.join(one.en for one in missing_dimensions)}",
            ),
        )


def _note(zh: str, en: str) -> Named:
    return Named("note", zh, en)
