"""Codes as people type them: spaces, lower case and full-width characters, and what is wrong with one."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

from schemas.credit_code import ALPHABET, check_character, is_valid

#: Characters of a credit code, a registration number (工商注册号) and an organisation code.
LENGTH, REGISTRATION, ORGANISATION = 18, 15, 9
#: Letters that never occur in a credit code → what they are mistaken for.
_LIKELY = {"I": "1", "O": "0", "S": "5", "Z": "2", "V": "U, Y"}
_MARKS = str.maketrans("", "", "-‐–—_. \t\u3000")


def as_code(word: str) -> str:
    """A typed code in plain capitals; a word that cannot be a code as it is.

    >>> as_code(" 9133 0203-may4pdpj92"), as_code("９１３３０２０３ＭＡ"), as_code("甲 厂")
    ('91330203MAY4PDPJ92', '91330203MA', '甲 厂')
    """
    plain = unicodedata.normalize("NFKC", word).translate(_MARKS).upper()
    return plain if plain.isascii() and plain.isalnum() and any(c.isdigit() for c in plain) else word


def folded(word: str) -> str:
    """A typed name in capitals with plain brackets, and without spaces unless it is in Latin letters.

    >>> folded("宁波 甲（合成） "), folded("abc ltd")
    ('宁波甲(合成)', 'ABC LTD')
    """
    plain = unicodedata.normalize("NFKC", word).strip().upper()
    return plain if plain.isascii() else "".join(plain.split())


def is_code(word: str) -> bool:
    """Whether a word is long enough to be meant as a complete code.

    >>> is_code("91330203MAY4PDPJ92"), is_code("9133"), is_code("宁波")
    (True, False, False)
    """
    return word.isascii() and word.isalnum() and len(word) >= ORGANISATION and any(c.isdigit() for c in word)


@dataclass(frozen=True)
class Fault:
    """What is wrong with a code: its kind, the characters concerned, and what they would have to be."""

    kind: Literal["registration", "organisation", "length", "strange", "check", "none"]
    characters: tuple[str, ...] = ()
    likely: tuple[str, ...] = ()


def fault(code: str) -> Fault:
    """What is wrong with a code as such, or what it is."""
    if len(code) == REGISTRATION and code.isdigit():
        return Fault("registration")
    if len(code) == ORGANISATION:
        return Fault("organisation")
    if len(code) != LENGTH:
        return Fault("length")
    if strange := sorted(set(code) - set(ALPHABET)):
        return Fault("strange", tuple(strange), tuple(_LIKELY.get(c, "?") for c in strange))
    if not is_valid(code):
        return Fault("check", (code[17],), (check_character(code[:17]),))
    return Fault("none")


def doubt(code: str) -> str:
    """What is wrong with a code as such, or what it is.

    A wrong check character says that something in the code is mistyped, but not what: the character itself may be
    right and another one wrong.

    >>> doubt("91350100M000100Y49")
    'check character 校验码 9 does not fit the first 17, which would have 3: at least one of the 18 is mistyped'
    >>> doubt("91350100M000100Y4O")
    'O never occurs in a credit code (no I, O, S, V, Z): 0?'
    >>> doubt("91350100M000100Y43"), doubt("330200000012345")
    ('the code itself is valid', 'a registration number by its length')
    """
    found = fault(code)
    if found.kind == "registration":
        return "a registration number by its length"
    if found.kind == "organisation":
        return "an organisation code by its length"
    if found.kind == "length":
        return f"{len(code)} characters; a credit code has {LENGTH}"
    if found.kind == "strange":
        verb = "occur" if len(found.characters) > 1 else "occurs"
        return (
            f"{', '.join(found.characters)} never {verb} in a credit code (no I, O, S, V, Z): "
            f"{', '.join(found.likely)}?"
        )
    if found.kind == "check":
        return (
            f"check character 校验码 {code[17]} does not fit the first 17, which would have {found.likely[0]}: "
            "at least one of the 18 is mistyped"
        )
    return "the code itself is valid"
