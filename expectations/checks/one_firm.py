"""One event, one firm: the same decision, award or payment told of two firms is a mix-up of lines.

Events are told once and never changed, so the first that was told counts and a second one is silent. A sender who
sends a file again with every code one line too low contradicts what he said before.
"""

from __future__ import annotations

from collections.abc import Iterator

from expectations.gate.suite import Check, Suite

#: Each contradiction is reported. A sender corrects a code now and then: five may be, and one in a hundred; beyond
#: that it is no correction.
_BOUNDS = (("", "0"), ("_wide", "5 + 0.01 * (SELECT count(*) FROM told)"))


def one_firm(table: str, key: str) -> Suite:
    """The suite of a feed of events, each known by a number."""
    return Suite(table, tuple(_checks(key)), may_be_empty=True)


def _checks(key: str) -> Iterator[Check]:
    for suffix, most in _BOUNDS:
        yield Check(
            f"one_firm{suffix}",
            "同一编号只属一家企业" if not suffix else "同一编号属多家企业的不超过1%",
            "An event was told of one firm only"
            if not suffix
            else "At most five events and 1 % were told of several firms",
            f"""WITH told AS (SELECT {key}, min(uscc) AS uscc, max(uscc) AS other
                FROM {{table}} JOIN feeds.current_delivery USING (delivery_id, mapping_hash, period) GROUP BY {key}),
            mixed AS (FROM told WHERE uscc <> other)
            SELECT {key}, uscc, other FROM mixed WHERE (SELECT count(*) FROM mixed) > {most}""",
            level="fail" if suffix else "warn",
        )
