"""The comprehensive score, compared with the peers."""

from __future__ import annotations

from portal.card.sheet import Card
from portal.card.words.figures import number, signed
from portal.card.words.parts import Bar, Block, Heading


def block(card: Card) -> Block:
    heading = "综合评价 Comprehensive score"
    c = card.score
    noted = (str(card.notes["score"]),) if "score" in card.notes else ()
    if c is None:
        return Block("score", heading, noted)
    parts = []
    if c.total is not None:
        by = f"，主因 mostly {c.moved_by.zh} {signed(c.moved_part)}" if c.moved_by and c.moved_part else ""
        change = f"（较上年 change {signed(c.change)}{by}）" if c.change is not None else ""
        parts.append(f"总分 total {number(c.total)}{change}")
    if c.rank and c.peer_count:
        parts.append(f"同组 peers 第 {c.rank:,}/{c.peer_count:,}，不低于 ≥ {number(c.percentile_pct)}%")
    if c.city_rank and c.city_size:
        parts.append(f"全市 city 第 {c.city_rank:,}/{c.city_size:,}")
    rows = tuple((f"{d.of.zh} {d.of.en}", Bar(d.pct), f"{number(d.pct)}") for d in c.dimensions)
    weakest = "，".join(f"{p.of.zh} {number(p.pct)}%" for p in c.weakest)
    return Block(
        "score",
        f"{heading} {c.period}" + (f"：同组 peers {c.peers.zh}" if c.peers else ""),
        (*noted, *([" · ".join(parts)] if parts else [])),
        (Heading("维度 dimension"), Heading("同组百分位 among peers"), Heading("得分 score", True)),
        rows,
        (f"落后指标 furthest behind: {weakest}",) if weakest else (),
        is_short=True,
    )
