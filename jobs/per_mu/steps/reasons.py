"""Reasons of grades in words; works without Spark, as reading a release does."""

from __future__ import annotations

from schemas.contract import code_list


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


def title_of(list_name: str, code: str) -> str:
    """The Chinese title of a code, or the code where the list does not have it."""
    row = code_list(list_name).get(code)
    return row["zh"] if row else code
