"""The grade in words."""

from __future__ import annotations

from dataclasses import dataclass

from portal.card.sheet import Card
from portal.card.words import figures
from portal.queries.grade import Grade, Standing
from portal.web.firm.parts import joined
from portal.web.frame import Frame


@dataclass(frozen=True)
class GradeWords:
    """The grade in a sentence, with what it rests on."""

    letter: str
    title: str
    place: str
    why: str
    percentile: str


def grade_words(frame: Frame, card: Card) -> GradeWords:
    """Where the firm stands and why; for a firm without a grade, why it has none."""
    standing, grade = card.standing, card.grade
    if standing is None:
        said = frame.t(
            f"{card.year} 年不在参评名单", f"Not in the population of the evaluation of {card.year}"
        )
        return GradeWords("", said, "", "", "")
    if grade is None:
        reasons = joined(frame, standing.reasons) or frame.t("无说明", "no reason on record")
        why = frame.t("因", "because: ") + reasons
        return GradeWords(
            "", frame.name(standing.status), frame.name(standing.list), why + _until(frame, standing), ""
        )
    told = joined(frame, [*grade.reasons, *standing.reasons])
    by_rank = frame.t("按名次与比例定等", "by its place and the quota of grades")
    return GradeWords(
        grade.final.code,
        frame.name(grade.final),
        _place(frame, card, standing, grade),
        frame.t("因", "because: ") + told if told else by_rank,
        _percentile(frame, grade),
    )


def _place(frame: Frame, card: Card, standing: Standing, grade: Grade) -> str:
    district, of_list = frame.name(card.who.district), frame.name(standing.list)
    if not grade.rank:
        return frame.t(f"{district}{of_list}，无名次", f"{district}, {of_list.lower()}, no place")
    tie = frame.t("（同分）", " (tied)") if grade.is_tie else ""
    whose = "" if standing.is_own else frame.t("随宗地主，", "with the parcel's holder, ")
    return whose + frame.t(
        f"{district}{of_list}第 {grade.rank:,} 名 / {grade.list_size:,}{tie}",
        f"{district}, {of_list.lower()}: place {grade.rank:,} of {grade.list_size:,}{tie}",
    )


def _percentile(frame: Frame, grade: Grade) -> str:
    if grade.percentile_pct is None:
        return ""
    pct = figures.number(grade.percentile_pct)
    return frame.t(f"不低于榜内 {pct}% 的企业", f"at or above {pct}% of the list")


def _until(frame: Frame, standing: Standing) -> str:
    if standing.protected_until is None:
        return ""
    day = standing.protected_until
    return frame.t(f"；至 {day}，其后自 {day.year} 年度参评", f"; until {day}, evaluated from {day.year} on")
