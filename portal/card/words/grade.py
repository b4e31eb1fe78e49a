"""The grade and the rank of the year, with the reasons."""

from __future__ import annotations

from portal.card.sheet import NOT_SHOWN, Card
from portal.card.words.figures import number, score
from portal.card.words.parts import Block, in_both
from portal.queries.grade import Grade


def block(card: Card) -> Block:
    heading = f"亩均评价 Per-mu grade {card.year}"
    s, g = card.standing, card.grade
    if s is None:
        return Block("grade", heading, (str(card.notes["grade"]),))
    rules = f"规则 rules: {s.rule_set_title.zh if s.rule_set_title else ''} {s.rule_set_id or '无 none'}" + (
        f" · 状态 status: {g.status}" if g else ""
    )
    if g is None:
        until = ""
        if s.protected_until:
            first = s.protected_until.year
            until = f" · 至 until {s.protected_until}，其后自 {first} 年度参评 evaluated from {first} on"
        reasons = in_both(s.reasons) or "无说明 no reason on record"
        return Block(
            "grade",
            heading,
            (
                f"无等级 no grade: {s.status} · {s.list}",
                f"原因 why: {reasons}{until}",
                rules,
                *_consent(card),
                f"逐步说明 step by step: ./brain explain per_mu.population uscc={card.uscc} year={card.year}",
            ),
        )
    total = _total(g)
    part = f" · 数据截至 figures only to {g.part_year_to}" if g.part_year_to else ""
    lines = [
        f"{g.final.code} {g.final}（初评 initial {g.initial.code}） · {total}",
        _ranks(card),
        f"理由 why: {in_both(g.reasons) or '按名次与比例 by rank and quota'}"
        + (f" · {in_both(s.reasons)}" if s.reasons else ""),
        rules + part,
        *_consent(card),
    ]
    if not s.is_own:
        lines.insert(1, f"{s.role}: {s.unit_name or ''} {s.unit_uscc}")
    return Block("grade", heading, tuple(lines))


def _total(g: Grade) -> str:
    if g.total_score is None or g.indicator_score is None:
        return f"总分 total: {NOT_SHOWN}"
    points = f"{score(g.indicator_score)} + 加分 {score(g.bonus_points)} − 扣分 {score(g.penalty_points)}"
    return f"总分 total {score(g.total_score)} = {points}"


def _consent(card: Card) -> tuple[str, ...]:
    """Whether the firm's statistics may be used outside statistics; nothing for a release without consents."""
    if (c := card.consent) is None:
        return ()
    since = f" {c.since} 起" if c.since else ""
    end = f"，{c.end} 失效 ends" if c.end else ""
    if c.per_mu.code == "not_needed":
        return (f"使用统计数据 use of statistics: {c.per_mu}",)
    return (
        f"使用统计数据 use of statistics: 评价 evaluation {c.per_mu}{since}{end} · 画像 profile {c.profile}",
    )


def _ranks(card: Card) -> str:
    g, s = card.grade, card.standing
    assert g is not None and s is not None
    whose = "" if s.is_own else "宗地主 holder's: "
    parts = []
    if g.rank:
        tie = "（同分 tied）" if g.is_tie else ""
        percentile = f"，不低于 at or above {number(g.percentile_pct)}%"
        parts.append(
            f"{whose}{s.list.zh if s.is_own else '榜内'}第 {g.rank:,}/{g.list_size:,} 名{tie}{percentile}"
        )
    if g.city_rank and g.city_size:
        parts.append(f"全市测算 city estimate 第 {g.city_rank:,}/{g.city_size:,}")
    return " · ".join(parts) or "无名次 no rank"
