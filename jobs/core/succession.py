"""承继关系 Successions: the enterprise for which a code's rows count, and from which day on.

The rules are in ``jobs/core/steps/following.py``. They are applied once, here; every table that moves rows reads the
few rows of this table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import literal_table, row_id
from jobs.core.steps.following import NEVER, Followed, followed
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.succession"


def succession(made: DataFrame, events: DataFrame) -> DataFrame:
    """One row per code, enterprise behind it and year in which that enterprise took its place.

    Args:
        made: changes of the years to compute.
        events: these and all earlier changes.
    """
    return (
        literal_table(
            events.sparkSession,
            succession_rows(followed(events)),
            """from_uscc string, to_uscc string, year string, identifier_kind_code string, valid_from_date date,
            is_disputed boolean, known_micros bigint""",
        )
        .join(F.broadcast(made.select("year").distinct()), "year", "left_semi")
        .withColumn("known_at", F.timestamp_micros("known_micros"))
        .withColumn("row_id", row_id("from_uscc", "to_uscc", "year"))
        .select(*contract(TABLE).column_names)
    )


def succession_rows(codes: Iterable[Followed]) -> Iterator[tuple[object, ...]]:
    """A row for each span of a code, and one for the start of a dispute, from which on the code counts for itself."""
    for code in codes:
        known_at = code.claims[0].known_at
        for span in code.spans:
            yield code.code, span.head, str(span.since.year), code.kind, span.since, False, known_at
        if code.until < NEVER:
            yield code.code, code.code, str(code.until.year), code.kind, code.until, True, known_at


JOB = Job(
    table=TABLE,
    transform=succession,
    inputs={"made": Input("core.identity_event"), "events": Input("core.identity_event", "upto")},
    evidence={"core.identity_event": {"from_uscc": "from_uscc"}},
)
