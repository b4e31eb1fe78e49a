"""One event, one firm: if one decision, award or payment is reported of two firms, lines were mixed up.

Events never change, so the first report of an event counts and later ones are ignored. A file that is sent again with
every code one line too low contradicts the first one only here.
"""

from __future__ import annotations

from collections.abc import Iterator

from expectations.gate.suite import Check, Suite

#: Every contradiction warns. Senders correct a code now and then, so five events plus 1 % are accepted; more block.
_BOUNDS = (("", "0"), ("_wide", "5 + 0.01 * (SELECT count(*) FROM events)"))


def one_firm(table: str, key: str) -> Suite:
    """The suite of a feed of events; ``key`` is the column that identifies an event."""
    return Suite(table, tuple(_checks(key)), may_be_empty=True)


def _checks(key: str) -> Iterator[Check]:
    for suffix, most in _BOUNDS:
        yield Check(
            f"one_firm{suffix}",
            "同一编号只属一家企业" if not suffix else "同一编号属多家企业的不超过1%",
            "An event is reported of one firm only"
            if not suffix
            else "At most five events plus 1 % are reported of several firms",
            f"""WITH events AS (SELECT {key}, min(uscc) AS uscc, max(uscc) AS other
                FROM {{table}} JOIN feeds.current_delivery USING (delivery_id, mapping_hash, period) GROUP BY {key}),
            mixed AS (FROM events WHERE uscc <> other)
            SELECT {key}, uscc, other FROM mixed WHERE (SELECT count(*) FROM mixed) > {most}""",
            level="fail" if suffix else "warn",
        )
