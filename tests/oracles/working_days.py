"""Working days of 2024 and 2025, typed from the notices of the State Council (国办发明电〔2023〕7号, 〔2024〕12号)."""

from __future__ import annotations

from datetime import date, timedelta

#: Holidays, first and last day, and the weekend days that are worked for them.
OFF = [
    ("2024-01-01", "2024-01-01"), ("2024-02-10", "2024-02-17"), ("2024-04-04", "2024-04-06"),
    ("2024-05-01", "2024-05-05"), ("2024-06-10", "2024-06-10"), ("2024-09-15", "2024-09-17"),
    ("2024-10-01", "2024-10-07"), ("2025-01-01", "2025-01-01"), ("2025-01-28", "2025-02-04"),
    ("2025-04-04", "2025-04-06"), ("2025-05-01", "2025-05-05"), ("2025-05-31", "2025-06-02"),
    ("2025-10-01", "2025-10-08"),
]  # fmt: skip
WORKED = {
    "2024-02-04", "2024-02-18", "2024-04-07", "2024-04-28", "2024-05-11", "2024-09-14", "2024-09-29", "2024-10-12",
    "2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11",
}  # fmt: skip


def works(day: date) -> bool:
    text = day.isoformat()
    if text in WORKED:
        return True
    return day.weekday() < 5 and not any(first <= text <= last for first, last in OFF)


def last_day(first: date, count: int) -> date:
    """The day on which the ``count``-th working day from ``first`` on falls."""
    found = [day for n in range(count * 4 + 20) if works(day := first + timedelta(days=n))]
    return found[count - 1]
