"""Texts (Chinese ones too), hashes, and the logic of missing values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.columns.values import valid_credit_code
from schemas import credit_code
from tests.engines.battery.values import Case, given

CREDIT_CODE = "91330200144071784M"


def key_of(row: Any) -> bytes:
    """The key's values that are not missing, as one text."""
    return "|".join(str(v) for v in (row.t, row.period, row.d, row.a, row.i) if v is not None).encode()


def texts() -> Iterator[Case]:
    t, u, code, period = (F.col(c) for c in ("t", "u", "code", "period"))
    yield Case("substring", F.substring("code", 9, 9), "string", given(lambda r: r.code[8:17], "code"))
    yield Case("substring past the end", F.substring("t", 3, 5), "string", given(lambda r: r.t[2:7], "t"))
    yield Case("left", F.left("t", F.lit(2)), "string", given(lambda r: r.t[:2], "t"))
    yield Case("right", F.right("t", F.lit(2)), "string", given(lambda r: r.t[-2:], "t"))
    yield Case("trim", F.trim(F.concat(F.lit("  "), t, F.lit(" "))), "string", given(lambda r: r.t, "t"))
    yield Case("nullif", F.nullif("t", F.lit("")), "string", given(lambda r: r.t or None, "t"))
    yield Case("length in characters", F.length("t"), "int", given(lambda r: len(r.t), "t"))
    yield Case("lpad", F.lpad("u", 3, "0"), "string", given(lambda r: r.u[:3].rjust(3, "0"), "u"))
    yield Case(
        "rpad",
        F.rpad(F.replace(period, F.lit("-"), F.lit("")), 6, "0"),
        "string",
        given(lambda r: r.period.replace("-", "").ljust(6, "0"), "period"),
    )
    yield Case("position from one", F.position(u, t), "int", given(lambda r: r.t.find(r.u) + 1, "t"))
    yield Case("contains", F.contains(t, u), "boolean", given(lambda r: r.u in r.t, "t"))
    yield Case("contains a letter", t.contains("波"), "boolean", given(lambda r: "波" in r.t, "t"))
    yield Case(
        "starts with", code.startswith("91"), "boolean", given(lambda r: r.code.startswith("91"), "code")
    )
    yield Case("ends with", t.endswith("0"), "boolean", given(lambda r: r.t.endswith("0"), "t"))
    yield Case(
        "replace",
        F.replace(t, F.lit("0"), F.lit("甲")),
        "string",
        given(lambda r: r.t.replace("0", "甲"), "t"),
    )
    yield Case(
        "regexp_replace",
        F.regexp_replace(t, r"\.?0+$", ""),
        "string",
        ["宁波a", "1.5", "", "100", None, "a|b|c"],
    )
    yield Case(
        "rtrim",
        F.rtrim(F.rtrim(t, F.lit("0")), F.lit(".")),
        "string",
        ["宁波a", "1.5", "", "100", None, "a|b|c"],
    )
    yield Case("concat", F.concat(t, F.lit("-"), u), "string", given(lambda r: f"{r.t}-{r.u}", "t"))
    # missing values are left out, with their separator
    yield Case(
        "concat_ws",
        F.concat_ws("|", t, u, code),
        "string",
        lambda r: "|".join(v for v in (r.t, r.u, r.code) if v is not None),
    )
    yield Case(
        "concat_ws of an array",
        F.concat_ws("+", "texts"),
        "string",
        lambda r: "+".join(v for v in r.texts or [] if v is not None),
    )
    yield Case("split", F.split("t", r"\|"), "array<string>", given(lambda r: r.t.split("|"), "t"))
    yield Case("rlike", t.rlike("^[一-龥]{2}"), "boolean", [True, False, False, False, None, False])
    yield Case(
        "rlike of a code",
        F.concat(F.lit(CREDIT_CODE), t).rlike(f"^{credit_code.PATTERN}$"),
        "boolean",
        [False, False, True, False, None, False],
    )
    yield Case(
        "credit code",
        valid_credit_code(F.concat(F.lit(CREDIT_CODE[:17]), F.right("code", F.lit(1)))),
        "boolean",
        [False, False, False, False, None, False],
    )
    yield Case("md5", F.md5("t"), "string", given(lambda r: hashlib.md5(r.t.encode()).hexdigest(), "t"))
    yield Case(
        "sha2", F.sha2("t", 256), "string", given(lambda r: hashlib.sha256(r.t.encode()).hexdigest(), "t")
    )
    key = ("t", "period", "d", "a", "i")
    yield Case("row_id", row_id(*key), "string", lambda r: hashlib.md5(key_of(r)).hexdigest())
    yield Case(
        "row_id of per-mu tables",
        row_id(*key, algorithm="sha256"),
        "string",
        lambda r: hashlib.sha256(key_of(r)).hexdigest()[:32],
    )
    # by code points, not by the order of a language
    yield Case("order of texts", t < u, "boolean", given(lambda r: r.t < r.u, "t"))
    yield Case("greatest text", F.greatest(t, F.lit("b")), "string", lambda r: max(r.t or "b", "b"))
    yield Case("least text", F.least(t, u), "string", given(lambda r: min(r.t, r.u), "t"))


def missing() -> Iterator[Case]:
    flag, t, i = F.col("flag"), F.col("t"), F.col("i")
    yes, no, unknown = F.lit(True), F.lit(False), F.lit(None).cast("boolean")
    three = [True, False, None, True, None, False]
    yield Case("and", flag & unknown, "boolean", [False if v is False else None for v in three])
    yield Case("or", flag | unknown, "boolean", [True if v else None for v in three])
    yield Case("not", ~flag, "boolean", [None if v is None else not v for v in three])
    yield Case("and false", flag & no, "boolean", [False] * 6)
    yield Case("or true", flag | yes, "boolean", [True] * 6)
    yield Case("when unknown", F.when(flag, 1).otherwise(2), "int", [1, 2, 2, 1, 2, 2])
    yield Case("when without otherwise", F.when(flag, "甲"), "string", ["甲", None, None, "甲", None, None])
    yield Case("second when", F.when(flag, 1).when(i > 0, 2), "int", [1, None, 2, 1, None, 2])
    yield Case("isin", t.isin("", "100.00"), "boolean", [False, False, True, True, None, False])
    yield Case("isin a list of ints", i.isin([7, -7]), "boolean", [True, True, False, False, None, False])
    # a value that is not in the list may be the missing one: unknown
    yield Case("isin with a missing item", t.isin("", None), "boolean", [None, None, True, None, None, None])
    yield Case("not in", ~t.isin("", "100.00"), "boolean", [True, True, False, False, None, True])
    yield Case("equals missing", t == F.lit(None).cast("string"), "boolean", [None] * 6)
    yield Case(
        "null-safe equality",
        t.eqNullSafe(F.lit(None).cast("string")),
        "boolean",
        [False, False, False, False, True, False],
    )
    yield Case("is missing", t.isNull(), "boolean", [False, False, False, False, True, False])
    yield Case("is not missing", t.isNotNull(), "boolean", [True, True, True, True, False, True])
    yield Case(
        "coalesce", F.coalesce(flag, F.lit(False)), "boolean", [True, False, False, True, False, False]
    )
    yield Case("greatest skips", F.greatest("d", "e"), "date", lambda r: r.d and max(r.d, r.e))
    yield Case(
        "greatest of one", F.greatest(i, F.lit(None).cast("int"), F.lit(3)), "int", [7, 3, 2**31 - 1, 3, 3, 3]
    )
