"""Periods 期别: the periods that a table has, and the input periods that each depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from jobs.job import Job

#: Period -> fingerprint.
Fingerprints = dict[str, str]


def input_periods(rule: str, period: str, available: Iterable[str]) -> list[str]:
    """Input periods that an output period depends on.

    >>> input_periods("year", "2024", ["2023", "2024-01", "2024-02"])
    ['2024-01', '2024-02']
    >>> input_periods("to_date", "2024-02", ["2023-02", "2024-01", "2024-02", "2024-03"])
    ['2024-01', '2024-02']
    >>> input_periods("nearest", "2023", ["2021-12", "2024-11", "2024-12"])
    ['2024-11', '2024-12']
    >>> input_periods("upto", "2023", ["2022", "2023", "2024"])
    ['2022', '2023']
    """
    available = list(available)
    if rule == "nearest":
        years = {p[:4] for p in available}
        period = min(years, key=lambda y: (abs(int(y) - int(period[:4])), y), default=period)
    tests: Mapping[str, Callable[[str], bool]] = {
        "same": lambda p: p == period,
        "year": lambda p: p[:4] == period,
        "nearest": lambda p: p[:4] == period[:4],
        "year_of": lambda p: p == period[:4],
        "to_date": lambda p: len(p) > 4 and p[:4] == period[:4] and p[: len(period)] <= period,
        "upto": lambda p: p[: len(period)] <= period,
        "all": lambda p: True,
    }
    return sorted(p for p in available if tests[rule](p))


def target_periods(job: Job, known: Mapping[str, Fingerprints]) -> list[str]:
    """The periods that a table has: those of the inputs that are declared to give them."""
    target: set[str] = set()
    for name, which in job.givers.items():
        given = job.inputs[name]
        periods = set(known.get(given.known_as, {}))
        if given.periods == "year":
            periods = {p[:4] for p in periods}
        if which == "last":
            # a month before the directory of its year would have no firms
            periods = {max(ready)} if (ready := {p for p in periods if _has_year(job, p, known)}) else set()
        target |= periods
    return sorted(target)


def _has_year(job: Job, period: str, known: Mapping[str, Fingerprints]) -> bool:
    """Whether all inputs that are read by ``year_of`` have the period's year."""
    read = (given for given in job.inputs.values() if given.periods == "year_of")
    return all(input_periods("year_of", period, known.get(given.known_as, {})) for given in read)
