"""Column functions about who and where: row identifiers, districts, flags."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.columns import present
from schemas.contract import code_list

#: Ningbo as a whole, for what belongs to no district.
UNDIVIDED = "330200"


def row_id(*key: str) -> Column:
    """Deterministic identifier of a row: hash of its key."""
    return F.md5(F.concat_ws("|", *key))


def present_district(code: Column) -> Column:
    """Today's district of a code; abolished ones are those they were merged into (GB/T 2260), else null."""
    successors = {c: row["successor"] for c, row in code_list("former_district").items()}
    table = F.create_map(*(F.lit(x) for pair in successors.items() for x in pair))
    today = F.coalesce(F.try_element_at(table, code), code)
    return F.when(today.isin([c for c in code_list("district") if c != UNDIVIDED]), today)


def flags(**conditions: Column) -> Column:
    """Names of the conditions that hold, sorted; an empty array when none does."""
    named = (F.when(conditions[name], F.lit(name)) for name in sorted(conditions))
    return present(*named)
