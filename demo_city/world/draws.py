"""Random draws and scaling for all parts of the demo city.

Every stage has a named random stream of its own, so a new stage changes no other.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: Smaller integers, for what is kept in memory: numbers, and positions in short lists.
Whole = npt.NDArray[np.int32]
Short = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]


def stream(seed: int, name: str) -> np.random.Generator:
    """The random stream of a stage; it depends only on seed and name."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def shares_to_counts(weights: Sequence[float] | Floats, total: int, minimum: int = 0) -> Ints:
    """Integers in proportion to ``weights`` that add up to ``total`` (largest remainder method).

    >>> shares_to_counts([1, 1, 2], 7).tolist()
    [2, 2, 3]
    >>> shares_to_counts([0.001, 1], 10, minimum=2).tolist()
    [2, 8]
    """
    weight = np.asarray(weights, dtype=np.float64)
    spare = total - minimum * len(weight)
    exact = weight / weight.sum() * total - minimum
    exact = np.maximum(exact, 0)
    exact = exact / exact.sum() * spare if exact.sum() > 0 else exact
    counts = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - counts), kind="stable")
    counts[order[: spare - int(counts.sum())]] += 1
    result: Ints = counts + minimum
    return result


def round_to_total(values: Floats, total: float) -> Ints:
    """Round to integers that add up to ``total`` rounded; the values must add up to about ``total``.

    >>> round_to_total(np.array([0.4, 0.4, 0.2]), 1.0).tolist()
    [1, 0, 0]
    """
    whole = np.floor(values).astype(np.int64)
    missing = int(np.round(total)) - int(whole.sum())
    if 0 <= missing <= len(values):
        whole[np.argsort(-(values - whole), kind="stable")[:missing]] += 1
        return whole
    whole = np.rint(values).astype(np.int64)
    whole[int(np.argmax(values))] += int(np.round(total)) - int(whole.sum())
    return whole


def scale_to(values: Floats, total: float, cap: Floats | None = None) -> Floats:
    """Multiply by one factor so that the sum is ``total``; values stop at ``cap``, the others take the rest.

    >>> scale_to(np.array([1.0, 3.0]), 8.0, np.array([9.0, 5.0])).tolist()
    [3.0, 5.0]
    """
    scaled = values.astype(np.float64)
    for _ in range(60):
        free = scaled > 0 if cap is None else (scaled > 0) & (scaled < cap)
        moving = scaled[free].sum()
        gap = total - scaled.sum()
        if moving <= 0 or abs(gap) <= 1e-9 * max(abs(total), 1.0):
            break
        scaled[free] *= max((moving + gap) / moving, 0.0)
        if cap is not None:
            scaled = np.minimum(scaled, cap)
    return scaled


def rake(values: Floats, margins: Sequence[tuple[Ints, Floats]], rounds: int = 40) -> Floats:
    """Iterative proportional fitting of firms: the sums of each grouping approach their targets.

    A margin is (group of each firm, target of each group). Targets of groups without firms go to the other groups
    in proportion. The first margin is fitted last in each round, so it holds exactly.
    """
    fitted = values.astype(np.float64)
    total = margins[0][1].sum()
    goals = []
    for group, target in margins:
        present = np.bincount(group, weights=fitted, minlength=len(target)) > 0
        usable = np.where(present, target, 0.0)
        goals.append((group, usable * (total / usable.sum() if usable.sum() > 0 else 1.0)))
    for _ in range(rounds):
        for group, target in reversed(goals):
            sums = np.bincount(group, weights=fitted, minlength=len(target))
            factor = np.divide(target, sums, out=np.ones_like(target), where=sums > 0)
            fitted = fitted * factor[group]
    return fitted


def fit_table(seed: Floats, rows: Floats, columns: Floats, rounds: int = 200) -> Floats:
    """Iterative proportional fitting of a table to row and column sums; the columns' total is scaled to the rows'."""
    table = seed.astype(np.float64)
    for _ in range(rounds):
        table *= (rows / np.maximum(table.sum(axis=1), 1e-12))[:, None]
        table *= (columns * (rows.sum() / columns.sum()) / np.maximum(table.sum(axis=0), 1e-12))[None, :]
    return table


def cumulative_shares(rng: np.random.Generator, n: int, parts: int, spread: float) -> Floats:
    """Cumulative share after each of ``parts`` months for ``n`` firms (n x parts); the last is 1."""
    season = np.array([0.95, 0.78, 1.0, 1.0, 1.02, 1.03, 1.0, 1.0, 1.04, 1.02, 1.06, 1.1])[:parts]
    weights = season[None, :] * np.exp(spread * rng.standard_normal((n, parts)))
    reached: Floats = np.cumsum(weights, axis=1)
    reached /= reached[:, -1:]
    return reached
