"""Arrays, maps, structs and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from pyspark.sql import functions as F

from jobs.columns.values import field_of, no_texts, present, those_in
from tests.engines.battery.values import Case, Difference, given


def _order(value: object) -> tuple[bool, object]:
    """Sort key that puts missing values first."""
    return (value is not None, value)


def arrays() -> Iterator[Case]:
    t, u, texts = (F.col(c) for c in ("t", "u", "texts"))
    strings = "array<string>"
    yield Case(
        "present",
        present(t, u, F.lit("b")),
        strings,
        lambda r: [*dict.fromkeys(v for v in (r.t, r.u, "b") if v is not None)],
    )
    yield Case("no_texts", no_texts(), strings, [[]] * 6)
    yield Case(
        "coalesced with an empty array", F.coalesce(texts, no_texts()), strings, lambda r: r.texts or []
    )
    yield Case(
        "those_in",
        those_in("texts", F.array(F.lit("a"), F.lit("乙"))),
        strings,
        given(lambda r: [v for v in r.texts if v in ("a", "乙")], "texts"),
    )
    yield Case(
        "filter",
        F.filter("texts", lambda v: v != "a"),
        strings,
        given(lambda r: [v for v in r.texts if v is not None and v != "a"], "texts"),
    )
    has_item = F.coalesce(F.array_contains("texts", "a"), F.lit(False))
    yield Case("array_contains", has_item, "boolean", [True, True, False, False, False, False])
    yield Case(
        "array_contains a column",
        F.coalesce(F.array_contains(texts, u), F.lit(False)),
        "boolean",
        [True, False, False, False, False, False],
    )
    has_item = F.array_contains(F.array(F.lit("a"), F.lit("乙")), t)
    yield Case(
        "array_contains, negated, without missing items",
        F.when(t.isNotNull(), ~has_item),
        "boolean",
        given(lambda r: r.t not in ("a", "乙"), "t"),
    )
    yield Case(
        "array_distinct",
        F.array_distinct("texts"),
        strings,
        given(lambda r: [*dict.fromkeys(r.texts)], "texts"),
    )
    yield Case(
        "flatten",
        F.flatten(F.array("texts", "texts")),
        strings,
        given(lambda r: [*r.texts, *r.texts], "texts"),
    )
    yield Case(
        "array_distinct of numbers",
        F.array_distinct("numbers"),
        "array<int>",
        given(lambda r: [*dict.fromkeys(r.numbers)], "numbers"),
    )
    yield Case(
        "array_sort",
        F.array_sort("texts"),
        strings,  # missing items last
        given(lambda r: sorted(v for v in r.texts if v) + [v for v in r.texts if v is None], "texts"),
    )
    yield Case(
        "sort_array",
        F.sort_array("numbers"),
        "array<int>",
        given(lambda r: sorted(r.numbers, key=_order), "numbers"),
    )
    yield Case(
        "structs sorted",
        field_of(F.sort_array("entries"), "code"),
        strings,
        [[None, "1", "2"], [], [None], ["1"], None, ["x"]],
    )
    yield Case(
        "field_of",
        field_of("entries", "kind"),
        strings,
        given(lambda r: [v["kind"] for v in r.entries], "entries"),
    )
    yield Case("array_position", F.array_position("texts", "a"), "bigint", [3, 1, 0, 0, None, 0])
    yield Case(
        "array_position of a literal",
        F.array_position(F.array(F.lit("b"), F.lit("|")), u),
        "bigint",
        [1, 0, 0, 0, None, 2],
    )
    yield Case(
        "array_remove",
        F.array_remove("texts", "b"),
        strings,
        given(lambda r: [v for v in r.texts if v != "b"], "texts"),
    )
    yield Case(
        "array_except",
        F.array_except("texts", "others"),
        strings,
        given(lambda r: [*dict.fromkeys(v for v in r.texts if v not in r.others)], "texts"),
    )
    yield Case(
        "arrays_overlap",
        F.arrays_overlap(F.coalesce("texts", no_texts()), F.array(F.lit("a"), F.lit("乙"))),
        "boolean",
        [True, True, None, False, False, True],
    )
    yield Case("array_max", F.array_max("numbers"), "int", [3, None, None, 5, None, 2])
    yield Case("array_min", F.array_min("numbers"), "int", [1, None, None, -5, None, 2])
    yield Case(
        "array_max of days",
        F.array_max("days"),
        "date",
        [date(2024, 1, 1), None, None, date(2000, 1, 1), None, date(2024, 3, 1)],
    )
    yield Case("get from zero", F.get("numbers", F.lit(0)), "int", [3, None, None, 5, None, 2])
    yield Case("get out of range", F.get("numbers", F.lit(2)), "int", [1, None, None, -5, None, None])
    yield Case("get before the first", F.get("numbers", F.lit(-1)), "int", [None] * 6)
    yield Case(
        "get by a column",
        F.get(F.array(*map(F.lit, (10, 11, 12))), F.col("n")),
        "int",
        [10, 11, 12, None, None, None],
    )
    yield Case(
        "try_element_at", F.try_element_at("numbers", F.lit(2)), "int", [None, None, None, 5, None, None]
    )
    yield Case("element_at", F.element_at(F.array(F.lit("p"), F.lit("q")), F.lit(2)), "string", ["q"] * 6)
    yield Case(
        "slice", F.slice("texts", F.lit(2), F.size("texts")), strings, given(lambda r: r.texts[1:], "texts")
    )
    yield Case(
        "slice past the end",
        F.slice("texts", F.lit(3), F.lit(9)),
        strings,
        given(lambda r: r.texts[2:], "texts"),
    )
    yield Case(
        "size", F.when(texts.isNotNull(), F.size("texts")), "int", given(lambda r: len(r.texts), "texts")
    )
    yield Case(
        "transform",
        F.transform("numbers", lambda v: v * 2),
        "array<int>",
        given(lambda r: [v and v * 2 for v in r.numbers], "numbers"),
    )
    yield Case(
        "exists",
        F.exists("numbers", lambda v: F.coalesce(v > 2, F.lit(False))),
        "boolean",
        given(lambda r: any(v and v > 2 for v in r.numbers), "numbers"),
    )
    yield Case(
        "forall",
        F.forall("days", lambda v: F.coalesce(v > F.lit(date(2023, 6, 1)), F.lit(False))),
        "boolean",
        given(lambda r: all(v and v > date(2023, 6, 1) for v in r.days), "days"),
    )
    yield Case(
        "concat",
        F.concat(F.coalesce("texts", no_texts()), F.coalesce("others", no_texts())),
        strings,
        lambda r: (r.texts or []) + (r.others or []),
    )
    yield Case(
        "concat of arrays that may be missing",
        F.concat("texts", "others"),
        strings,
        given(lambda r: r.texts + r.others, "texts"),
    )
    yield Case(
        "concat with literals",
        F.concat("texts", F.array(F.lit("z"))),
        strings,
        given(lambda r: [*r.texts, "z"], "texts"),
    )
    yield Case(
        "empty array where none has items",
        F.when(F.size(F.coalesce(texts, no_texts())) > 0, texts).otherwise(no_texts()),
        strings,
        lambda r: r.texts or [],
    )


def structs() -> Iterator[Case]:
    pair = F.col("pair")
    table = F.create_map(*(F.lit(v) for v in ("2024", "甲", "2023", "乙")))
    yield Case(
        "try_element_at a map",
        F.try_element_at(table, F.left("period", F.lit(4))),
        "string",
        ["甲", "甲", "乙", None, None, "乙"],
    )
    yield Case("element_at a map", F.element_at(table, F.lit("2024")), "string", ["甲"] * 6)
    yield Case("element_at a map without the key", F.element_at(table, F.lit("2022")), "string", [None] * 6)
    days = F.create_map(F.lit("2024"), F.array(F.lit(1), F.lit(2)), F.lit("2023"), F.array(F.lit(3)))
    yield Case(
        "a map of arrays",
        F.try_element_at(days, F.left("period", F.lit(4))),
        "array<int>",
        [[1, 2], [1, 2], [3], None, None, [3]],
    )
    by_column = F.create_map(F.lit("k"), F.col("d"), F.lit(""), F.col("e"))
    yield Case(
        "a map of columns",
        F.try_element_at(by_column, pair["kind"]),
        "date",
        lambda r: {"k": r.d, "": r.e, None: None}.get((r.pair or {}).get("kind")),
    )
    yield Case("field", pair["since"], "date", lambda r: (r.pair or {}).get("since"))
    yield Case("field by name", F.col("pair.kind"), "string", lambda r: (r.pair or {}).get("kind"))
    yield Case(
        "struct",
        F.struct("i", F.lit("甲").alias("name")),
        "struct<i:int,name:string>",
        lambda r: {"i": r.i, "name": "甲"},
    )
    yield Case(
        "structs compared",
        F.greatest(F.struct("i", "t"), F.struct(F.lit(5).alias("i"), F.lit("").alias("t")))["i"],
        "int",
        [7, 5, 2**31 - 1, 5, 5, 5],
    )
    fields = F.from_json("record", "uscc string, name string, day date")
    read: list[dict[str, Any] | None] = [
        {"uscc": "U", "name": "甲", "day": date(2024, 2, 29)},
        {"uscc": None, "name": "乙", "day": None},
        {"uscc": None, "name": None, "day": None},
        {"uscc": None, "name": "", "day": None},
        None,
        {"uscc": "V", "name": "丙", "day": date(1999, 12, 31)},
    ]
    yield Case("from_json", fields, "struct<uscc:string,name:string,day:date>", read)
    yield Case("a field of it", fields["name"], "string", [r and r["name"] for r in read])


def differences() -> Iterator[Difference]:
    yield Difference(
        "array_contains with a missing item and no equal one: unknown on Spark, as in SQL; False on the embedded "
        "engine. In where, when and coalesce both act the same; negated, the array must have no missing item",
        F.array_contains("texts", "a"),
        ("boolean", [True, True, False, False, None, False]),
        ("boolean", [True, True, None, False, None, False]),
    )
    yield Difference(
        "array_contains of a missing item: unknown on Spark, False on the embedded engine",
        F.array_contains(F.array(F.lit("a")), F.col("t")),
        ("boolean", [False] * 6),
        ("boolean", [False, False, False, False, None, False]),
    )
