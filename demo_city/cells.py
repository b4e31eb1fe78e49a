"""Cells as the senders write them (单元格): numbers in the sender's unit, code words, dates in its format."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from demo_city.world.draws import Bools, Ints, Short, Whole
from schemas.contract import ContractError, Feed

Positions = Ints | Whole | Short


def decimals(values: Ints, digits: int, blank: Bools | None = None) -> pa.Array:
    """Integers counted in units of 10^-digits, as exact decimals.

    >>> decimals(np.array([12345, -5]), 2).cast("string").to_pylist()
    ['123.45', '-0.05']
    """
    if digits == 0:
        return pa.array(values, mask=blank)
    words = np.empty((len(values), 2), dtype=np.int64)
    words[:, 0] = values
    words[:, 1] = values >> 63
    array = pa.Array.from_buffers(pa.decimal128(20, digits), len(values), [None, pa.py_buffer(words)])
    return array if blank is None else pc.if_else(pa.array(blank), None, array)


def amounts(
    contract: Feed, column: str, values: Ints, unit: str, digits: int, *, blank: Bools | None = None
) -> pa.Array:
    """Amounts in the sender's unit.

    Raises:
        ContractError: the contract states another unit than the one the demo city sends.
    """
    stated = contract.source.mapping[column].unit
    if stated is not None and stated != unit:
        raise ContractError(
            f"schemas/raw/{contract.table}.yml: the demo city sends {column} in {unit}, the contract says {stated}"
        )
    return decimals(values, digits, blank)


def words(contract: Feed, column: str, codes: Sequence[str | None], index: Positions) -> pa.Array:
    """Codes in the sender's words: for each code the first word that the contract maps to it.

    Raises:
        ContractError: the contract maps no word to a code.
    """
    translation = contract.source.mapping[column].codes or {}
    word_of = {code: word for word, code in reversed(translation.items())}
    if unknown := {c for c in codes if c is not None} - set(word_of):
        raise ContractError(f"schemas/raw/{contract.table}.yml: {column} has no word for {sorted(unknown)}")
    return take([None if code is None else word_of[code] for code in codes], index)


def take(values: Sequence[str | None] | pa.Array, index: Positions) -> pa.Array:
    """Texts by position; -1 gives a blank."""
    array = values if isinstance(values, pa.Array) else pa.array(values, type=pa.string())
    return array.take(pa.array(index, mask=index < 0))


def dates(
    contract: Feed, column: str, days: npt.NDArray[np.datetime64], blank: Bools | None = None
) -> pa.Array:
    """Dates in the sender's format; with several formats, records take them in turn.

    Raises:
        ContractError: the contract has a date format that the demo city cannot write.
    """
    formats = contract.source.mapping[column].date_formats
    if unknown := set(formats) - set(_DATE_MARKS):
        raise ContractError(
            f"schemas/raw/{contract.table}.yml: the demo city cannot write dates as {sorted(unknown)}"
        )
    # many records have the same few thousand days
    each, index = np.unique(days.astype("datetime64[D]"), return_inverse=True)
    iso = np.datetime_as_string(each)
    texts = np.concatenate([_written(iso, pattern) for pattern in formats])
    index += np.arange(len(days)) % len(formats) * len(each)
    return pa.array(texts).take(pa.array(index, mask=blank))


#: Date formats that the demo city writes: the separators after year, month and day.
_DATE_MARKS = {
    "yyyy-MM-dd": ("-", "-", ""),
    "yyyyMMdd": ("", "", ""),
    "yyyy/M/d": ("/", "/", ""),
    "yyyy年M月d日": ("年", "月", "日"),
}


def _written(iso: npt.NDArray[np.str_], pattern: str) -> npt.NDArray[np.str_]:
    """ISO dates in another format.

    >>> _written(np.array(["2024-03-05"]), "yyyy年M月d日").tolist()
    ['2024年3月5日']
    """
    if pattern in ("yyyy-MM-dd", "yyyyMMdd"):
        return np.char.replace(iso, "-", "") if pattern == "yyyyMMdd" else iso
    after_year, after_month, after_day = _DATE_MARKS[pattern]
    short = np.char.replace(iso, "-0", "-")
    year, rest = np.char.partition(short, "-")[:, [0, 2]].T
    month, day = np.char.partition(rest, "-")[:, [0, 2]].T
    for piece in (after_year, month, after_month, day, after_day):
        year = np.char.add(year, piece)
    written: npt.NDArray[np.str_] = year
    return written


def days_in_year(year: Ints | Whole, draw: npt.NDArray[np.float64]) -> npt.NDArray[np.datetime64]:
    """A day in each year; ``draw`` from 0 to 1 gives its position in the year."""
    start = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]")
    day: npt.NDArray[np.datetime64] = start + (draw * 365).astype("timedelta64[D]")
    return day
