"""The unified social credit code (统一社会信用代码), GB 32100-2015.

18 characters: registration authority, kind of body, six for the place of registration, nine for the
body, one check character. The alphabet leaves out I, O, S, V and Z; weights are powers of three modulo 31.
"""

from __future__ import annotations

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
PATTERN = f"[{ALPHABET}]{{18}}"


def check_character(first17: str) -> str:
    """
    >>> check_character("91350100M000100Y4")
    '3'
    """
    total = sum(ALPHABET.index(c) * w for c, w in zip(first17, WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def is_valid(code: str) -> bool:
    """
    >>> is_valid("91350100M000100Y43"), is_valid("91350100M000100Y4Z")
    (True, False)

    Village collectives register with letters among the first eight characters; these are valid too:

    >>> is_valid("N2330212MF1234567F")
    True
    """
    return len(code) == 18 and all(c in ALPHABET for c in code) and check_character(code[:17]) == code[17]
