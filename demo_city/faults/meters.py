"""Faults of the meter stream."""

from __future__ import annotations

from demo_city.faults.plan import Change, Edit, quarantined
from demo_city.faults.planner import Planner
from demo_city.senders import devices, main_meters
from demo_city.world.identity import broken


def meters(planner: Planner) -> None:
    """Three broken records of the meter stream, on its fourth day at 10:00."""
    day, feed_name = 3, "ent_meter_reading"
    changes: tuple[tuple[str, dict[str, Change], str], ...] = (
        ("wrong_check_digit_meter", {"uscc": broken}, "uscc:check"),
        (
            "malformed_meter_account",
            {"meter_account_code": lambda a: f"NB{a[2:]}"},
            "meter_account_code:pattern",
        ),
        ("missing_required", {"uscc": None}, "uscc:missing"),
    )
    sure = devices.Week(planner.city).sure_readings(day, interval=40)
    for (account, read_at), (kind, change, reason) in zip(sure, changes, strict=False):
        where = {"meter_account_code": account, "read_at": read_at}
        period = str(main_meters.DAYS[day])
        planner.edits.append(Edit(kind, feed_name, period, where, change, (quarantined(reason),)))
