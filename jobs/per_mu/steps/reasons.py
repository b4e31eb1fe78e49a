"""Reasons of grades and scores in words; works without Spark, as reading a release does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from schemas.contract import code_list, contract

if TYPE_CHECKING:
    from jobs.per_mu.rules.models import Duty


def told_reason(code: str) -> str:
    """A reason of ``grade_reasons`` in words.

    >>> told_reason("veto:tax_evasion")
    '一票否决：偷逃税 veto'
    """
    kind, _, rest = code.partition(":")
    if kind == "refill":
        return "被否决企业空出的名额依次递补 refilled"
    if kind == "veto":
        return f"一票否决：{title_of('penalty', rest)} veto"
    if kind == "protection":
        return "保护：不低于C类 protected from D"
    if kind in ("inherited", "shared"):
        return f"随 {rest} 评价"
    return code


def told_duty(duty: Duty, firms: Iterable[Mapping[str, Any]]) -> list[str]:
    """What a unit withholds, which firm owes it by what, and how to mend it; in lines that fit a screen.

    Args:
        firms: rows of core.enterprise_year of the unit's firms.
    """
    spec = contract("core.enterprise_year")
    owing = []
    for firm in firms:
        if duty.feed in firm["missing_feeds"]:
            proof = [
                title_of(codes, str(firm[name])) if (codes := spec.column(name).domain.codes) else firm[name]
                for name in duty.proof
                if firm.get(name)
            ]
            owing.append(" ".join(map(str, (firm["uscc"], *proof))))
    return [
        f"应报未报 withheld: {spec.column(duty.figure).zh} · {'、'.join(owing)}",
        f"依据 by {duty.source}",
        f"补正 to mend: {duty.remedy.zh}",
        duty.remedy.en,
    ]


def title_of(list_name: str, code: str) -> str:
    """The Chinese title of a code, or the code where the list does not have it."""
    row = code_list(list_name).get(code)
    return row["zh"] if row else code
