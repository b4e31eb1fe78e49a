"""Credit codes and registration numbers of the demo city's firms (统一社会信用代码、工商注册号).

Codes are well formed by GB 32100-2015, with an organisation code (characters 9 to 17) whose own check
character follows GB 11714-1997. The organisation codes begin with MAY, a range not issued: no real firm is meant.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.world.draws import Ints

#: The 31 characters of GB 32100-2015: no I, O, S, V, Z.
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VALUE = np.full(128, -1, dtype=np.int64)
_VALUE[[ord(c) for c in ALPHABET]] = np.arange(31)
#: Values in GB 11714: digits as they are, letters from 10 on.
_ORGANISATION_VALUE = np.array([c - 48 if c < 58 else c - 55 for c in range(128)], dtype=np.int64)
_WEIGHTS = np.array([pow(3, i, 31) for i in range(17)], dtype=np.int64)
_ORGANISATION_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int64)
_BODIES = 31**5


def credit_codes(prefix: str, districts: list[str], district: Ints, serial: Ints, seed: int) -> list[str]:
    """Unique valid credit codes (GB 32100-2015).

    Args:
        prefix: first two characters (91 enterprise, N2 village collective).
        districts: six-digit codes that ``district`` points into.
        serial: distinct integers below 31^5, one for each code.
        seed: another seed gives other codes.
    """
    step = 31 * (7919 + 2 * (seed % 5003)) + 2  # coprime to 31, so serial -> body is one to one
    body = (serial * step + seed * 104729) % _BODIES
    codes = np.empty((len(serial), 18), dtype=np.uint8)
    codes[:, :2] = np.frombuffer(prefix.encode(), dtype=np.uint8)
    areas = np.array([list(code.encode()) for code in districts], dtype=np.uint8)
    codes[:, 2:8] = areas[district]
    codes[:, 8:11] = np.frombuffer(b"MAY", dtype=np.uint8)
    alphabet = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
    for position in range(5):
        codes[:, 15 - position] = alphabet[body % 31]
        body = body // 31
    codes[:, 16] = _organisation_check(codes[:, 8:16])
    codes[:, 17] = alphabet[(31 - _VALUE[codes[:, :17]] @ _WEIGHTS % 31) % 31]
    text = codes.tobytes().decode("ascii")
    return [text[i : i + 18] for i in range(0, len(text), 18)]


def _organisation_check(characters: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> Ints:
    """Check characters (as ASCII) of organisation codes by GB 11714-1997."""
    rest = 11 - _ORGANISATION_VALUE[characters] @ _ORGANISATION_WEIGHTS % 11
    digits = np.array([ord(c) for c in " 123456789X0"], dtype=np.int64)
    check: Ints = digits[rest]
    return check


def registration_numbers(districts: list[str], district: Ints, serial: Ints) -> pa.Array:
    """Registration numbers (工商注册号) by GS 15-2006: office, eight digits, a check digit by ISO 7064 MOD 11,10.

    >>> registration_numbers(["110108"], np.array([0]), np.array([1])).to_pylist()
    ['110108000000016']
    """
    office = np.array([int(code) for code in districts])[district]
    digits = [
        number // 10**place % 10
        for number, places in ((office, 6), (serial, 8))
        for place in range(places)[::-1]
    ]
    product = np.full(len(serial), 10)
    for digit in digits:
        rest = (product + digit) % 10
        product = np.where(rest == 0, 10, rest) * 2 % 11
    complete = (office * 10**8 + serial) * 10 + (11 - product) % 10
    return pa.array(complete).cast(pa.string())


def broken(code: str) -> str:
    """The code with a wrong check character.

    >>> broken("91350100M000100Y43")
    '91350100M000100Y44'
    """
    return code[:17] + ALPHABET[(ALPHABET.index(code[17]) + 1) % 31]
