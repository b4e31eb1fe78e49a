"""Figures of five years."""

from __future__ import annotations

from portal.card.sheet import Card
from portal.card.words.figures import MISSING, amount, score
from portal.card.words.parts import Block, Heading


def block(card: Card) -> Block:
    headings = (
        Heading("年 year"),
        Heading("产值 output", True),
        Heading("增加值 added", True),
        Heading("税收 tax", True),
        Heading("亩均税收 tax/mu", True),
        Heading("总分 total", True),
        Heading("名次 rank", True),
        Heading("等级 grade"),
    )
    rows = tuple(
        (
            y.as_of,
            amount(y.output_wan_yuan),
            amount(y.value_added_wan_yuan),
            amount(y.tax_wan_yuan),
            amount(y.tax_per_mu_wan_yuan),
            score(y.total_score) if y.total_score is not None else MISSING,
            f"{y.rank:,}/{y.list_size:,}" if y.rank and y.list_size else MISSING,
            y.grade or (y.status.zh if y.status else MISSING),
        )
        for y in card.trend
    )
    gaps = []
    if card.who.missing_feeds:
        gaps.append(f"缺 missing: {'、'.join(map(str, card.who.missing_feeds))}")
    if card.who.quarantined_feeds:
        gaps.append(f"隔离 in quarantine: {'、'.join(map(str, card.who.quarantined_feeds))}")
    remarks = (f"{card.year} " + " · ".join(gaps),) if gaps else ()
    return Block("trend", "近五年 Five years（万元 10⁴ yuan）", headings=headings, rows=rows, remarks=remarks)
