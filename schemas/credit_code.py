"""The unified social credit code (统一社会信用代码), GB 32100-2015.

18 characters: registration authority, kind of body, six for the place of registration, nine for the
body, one check character. The alphabet lacks I, O, S, V and Z; weights are powers of three modulo 31.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
PATTERN = f"[{ALPHABET}]{{18}}"
#: Position of each byte in the alphabet, -1 for bytes outside it.
_PLACE = np.full(256, -1, np.int8)
_PLACE[[ord(letter) for letter in ALPHABET]] = np.arange(len(ALPHABET))
_ALL_WEIGHTS = np.array([*WEIGHTS, 1], np.float32)


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


def valid_mask(codes: pa.Array) -> pa.Array:
    """``is_valid`` of many codes at once; a missing one is not valid.

    >>> valid_mask(pa.array(["91350100M000100Y43", "91350100M000100Y4Z", "代码", None])).to_pylist()
    [True, False, False, False]
    """
    fitting = pc.fill_null(pc.equal(pc.binary_length(codes), 18), False)
    texts = codes.filter(fitting)
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset :][: len(texts) + 1]
    letters = np.frombuffer(data or b"", np.uint8)[ends[0] : ends[-1]].reshape(-1, 18)
    digits = _PLACE[letters]
    # float32 represents these sums exactly and multiplies faster than integers
    sums_to_zero = (digits.astype(np.float32) @ _ALL_WEIGHTS).astype(np.int32) % 31 == 0
    found = np.zeros(len(codes), bool)
    found[fitting.to_numpy(zero_copy_only=False)] = (digits.min(axis=1, initial=0) >= 0) & sums_to_zero
    return pa.array(found)
