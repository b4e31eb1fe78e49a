"""Column functions about who and where: row identifiers, districts, flags."""

from __future__ import annotations

from functools import reduce
from operator import add

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.columns import present
from schemas import credit_code
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


def valid_credit_code(code: Column) -> Column:
    """GB 32100-2015 as a native expression: weighted digits, check character included, sum to 0 modulo 31."""
    weights = (*credit_code.WEIGHTS, 1)
    alphabet = F.lit(credit_code.ALPHABET)
    digits = [F.position(F.substring(code, i, 1), alphabet) - 1 for i in range(1, 19)]
    total = reduce(add, (d * w for d, w in zip(digits, weights, strict=True)))
    return code.rlike(f"^{credit_code.PATTERN}$") & (total % 31 == 0)
