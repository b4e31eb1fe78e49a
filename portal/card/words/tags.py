"""Tags, with trend and risk above them."""

from __future__ import annotations

from portal.card.sheet import Card
from portal.card.words.figures import number
from portal.card.words.parts import Block, Heading
from portal.queries.profile import Profile


def block(card: Card) -> Block:
    """The tags, below a line with risk, trend and completeness."""
    lines = []
    if card.profile:
        lines.append(_risk(card.profile))
    if "tags" in card.notes:
        lines.append(str(card.notes["tags"]))
    rows = tuple((t.tag.zh, "，".join(map(str, t.evidence))) for t in card.tags or ())
    period = f" {card.period}" if card.period != card.year else ""
    return Block(
        "tags",
        f"标签 Tags{period}",
        tuple(lines),
        (Heading("标签 tag"), Heading("依据 evidence")),
        rows,
        is_short=True,
    )


def _risk(profile: Profile) -> str:
    parts = []
    if profile.risk:
        why = f"（{'、'.join(reason.zh for reason in profile.risk_reasons)}）" if profile.risk_reasons else ""
        parts.append(f"风险 risk: {profile.risk}{why}")
    if profile.trend:
        parts.append(f"走势 trend: {profile.trend}")
    if profile.completeness is not None:
        parts.append(f"画像完整度 completeness {number(profile.completeness * 100)}%")
    return " · ".join(parts)
