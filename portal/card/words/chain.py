"""Positions in the chains."""

from __future__ import annotations

from collections.abc import Sequence

from portal.card.sheet import Card
from portal.card.words.figures import MISSING, number
from portal.card.words.parts import Block, Cell, Heading, Term
from portal.queries.titles import Named


def block(card: Card) -> Block:
    positions = card.positions or ()
    remarks = (str(card.notes["chain"]),) if "chain" in card.notes else ()
    headings = (
        Heading("链 chain"),
        Heading("环节 node"),
        Heading("占比 share", True),
        Heading("置信度 conf.", True),
        Heading("依据 evidence"),
        Heading("环节状态 state"),
    )
    if not [p for p in positions if not p.is_out]:
        return Block("chain", "产业链位置 Positions in chains", lines=remarks)
    rows = tuple(
        (
            p.chain.zh,
            p.node.zh if p.is_out else f"{p.node.code} {p.node.zh}",
            f"{number(p.share * 100)}%",
            MISSING if p.is_out else f"{number(p.confidence * 100)}%" + ("" if p.is_confirmed else " 未确认"),
            "" if p.is_out else "、".join(reason.zh for reason in p.reasons),
            _state(p.state, p.state_reasons),
        )
        for p in positions
    )
    overrides = {p.override_reason for p in positions if p.override_reason}
    decided = tuple(f"人工认定 set manually: {reason}" for reason in sorted(overrides))
    return Block(
        "chain", "产业链位置 Positions in chains", headings=headings, rows=rows, remarks=(*remarks, *decided)
    )


def _state(state: Named | None, reasons: Sequence[Named]) -> Cell:
    if state is None:
        return ""
    return Term(state.zh + (f"（{reasons[0].zh}）" if reasons else ""), state.en)
