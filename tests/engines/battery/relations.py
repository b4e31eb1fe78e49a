"""Operations on many rows: groups, windows, joins, rows of arrays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from jobs.columns.rows import at_least, at_most, whole, with_part
from tests.engines.battery.values import MOST, ROWS, Relation

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: Group, number, value and amount, with ties, missing ones, and one group without any.
TIES = [
    ("p", 1, 10, "2.000001"),
    ("p", 2, 10, "0.000001"),
    ("p", 3, 20, None),
    ("p", 4, None, "-1.5"),
    ("q", 5, None, None),
    ("r", 6, 7, "99999999.999999"),
    ("r", 7, 7, "0.000001"),
]


def aggregates(values: DataFrame) -> Iterator[Relation]:
    ties = ties_of(values)
    yield Relation(
        "sums and counts",
        ties.groupBy("g").agg(
            F.sum("v").alias("v"),
            F.sum("m").alias("m"),
            F.count("*").alias("rows"),
            F.count("v").alias("known"),
            F.count_distinct("v").alias("different"),
            F.count_if(F.col("v") > 7).alias("large"),
            F.min("m").alias("least"),
            F.max("v").alias("most"),
            F.bool_or(F.col("v") > 7).alias("any_large"),
        ),
        "struct<g:string,v:bigint,m:decimal(28,6),rows:bigint,known:bigint,different:bigint,large:bigint,"
        "least:decimal(18,6),most:int,any_large:boolean>",
        [
            ("p", 40, Decimal("0.500002"), 4, 3, 2, 3, Decimal("-1.5"), 20, True),
            ("q", None, None, 1, 0, 0, 0, None, None, None),
            ("r", 14, Decimal(100000000), 2, 2, 1, 0, Decimal("0.000001"), 7, False),
        ],
    )
    yield Relation(
        "aggregates of no rows",
        ties.where("k > 99").agg(F.sum("v").alias("v"), F.count("*").alias("rows"), F.max("g").alias("g")),
        "struct<v:bigint,rows:bigint,g:string>",
        [(None, 0, None)],
    )
    yield Relation(
        "no rows by group",
        ties.where("k > 99").groupBy("g").agg(F.sum("v").alias("v")),
        "struct<g:string,v:bigint>",
        [],
    )
    yield Relation(
        "sets and lists in order",
        ties.groupBy("g").agg(
            F.array_sort(F.collect_set("v")).alias("different"),
            F.sort_array(F.collect_list("v")).alias("all"),
            F.sort_array(F.collect_list(F.struct((-F.col("v")).alias("place"), "k"))).alias("places"),
        ),
        "struct<g:string,different:array<int>,all:array<int>,places:array<struct<place:int,k:int>>>",
        [
            (
                "p",
                [10, 20],
                [10, 10, 20],
                [
                    {"place": None, "k": 4},
                    {"place": -20, "k": 3},
                    {"place": -10, "k": 1},
                    {"place": -10, "k": 2},
                ],
            ),
            ("q", [], [], [{"place": None, "k": 5}]),
            ("r", [7], [7, 7], [{"place": -7, "k": 6}, {"place": -7, "k": 7}]),
        ],
    )
    yield Relation(
        "min_by and max_by",
        ties.groupBy("g").agg(
            F.min_by("k", F.struct((-F.col("k") % 3).alias("place"), "k")).alias("first"),
            F.max_by("k", "m").alias("largest"),
            F.bit_count(F.bit_or(F.call_function("shiftleft", F.lit(1), F.col("k")))).alias("keys"),
        ),
        "struct<g:string,first:int,largest:int,keys:int>",
        [("p", 2, 1, 4), ("q", 5, None, 1), ("r", 7, 6, 2)],
    )
    yield Relation(
        "at_least", at_least(ties, ["g"], "v").select("k"), "struct<k:int>", [(1,), (2,), (6,), (7,)]
    )
    yield Relation("at_most", at_most(ties, ["g"], "v").select("k"), "struct<k:int>", [(3,), (6,), (7,)])
    yield Relation(
        "distinct",
        ties.select("g", "v").distinct(),
        "struct<g:string,v:int>",
        [("p", 10), ("p", 20), ("p", None), ("q", None), ("r", 7)],
    )
    yield Relation(
        "a group of missing values",
        ties.groupBy("v").agg(F.count("*").alias("n")),
        "struct<v:int,n:bigint>",
        [(10, 2), (20, 1), (None, 2), (7, 2)],
    )
    # the sum's type has ten more digits, so the sum of any number of figures of a table fits
    yield Relation(
        "sum of 24 digits",
        values.agg(F.sum("a").alias("a")),
        "struct<a:decimal(34,6)>",
        [(Decimal("1000000000000000000.000000"),)],
    )


def windows(values: DataFrame) -> Iterator[Relation]:
    ties = ties_of(values)
    by_value, by_both = Window.partitionBy("g").orderBy("v"), Window.partitionBy("g").orderBy("v", "k")
    last = Window.partitionBy("g").orderBy(F.col("v").desc_nulls_last(), F.col("k").desc())
    rows = by_both.rowsBetween(Window.unboundedPreceding, 0)
    peers = by_value.rangeBetween(Window.unboundedPreceding, Window.currentRow)
    yield Relation(
        "row numbers and ranks",
        ties.select(
            "k",
            F.row_number().over(by_both).alias("first"),
            F.row_number().over(last).alias("last"),
            F.rank().over(by_value).alias("rank"),
        ),
        "struct<k:int,first:int,last:int,rank:int>",
        # missing values come first, and with desc_nulls_last at the end
        [(1, 2, 3, 2), (2, 3, 2, 2), (3, 4, 1, 4), (4, 1, 4, 1), (5, 1, 1, 1), (6, 1, 2, 1), (7, 2, 1, 1)],
    )
    yield Relation(
        "neighbours",
        ties.select(
            "k",
            F.lag("v").over(by_both).alias("before"),
            F.lead("v").over(by_both).alias("after"),
            F.lag("k", 2).over(by_both).alias("two"),
        ),
        "struct<k:int,before:int,after:int,two:int>",
        [
            (1, None, 10, None),
            (2, 10, 20, 4),
            (3, 10, None, 1),
            (4, None, 10, None),
            (5, None, None, None),
            (6, None, 7, None),
            (7, 7, None, None),
        ],
    )
    yield Relation(
        "last known value",
        ties.select("k", F.last("v", ignorenulls=True).over(rows).alias("known")),
        "struct<k:int,known:int>",
        [(1, 10), (2, 10), (3, 20), (4, None), (5, None), (6, 7), (7, 7)],
    )
    yield Relation(
        "running sums",
        ties.select(
            "k",
            F.sum("v").over(by_value).alias("peers"),
            F.sum("v").over(rows).alias("rows"),
            F.count("*").over(peers).alias("upto"),
            F.sum("m").over(whole("g")).alias("all"),
            F.count("v").over(Window.partitionBy("g")).alias("known"),
            F.max("v").over(whole("g")).alias("most"),
        ),
        "struct<k:int,peers:bigint,rows:bigint,upto:bigint,all:decimal(28,6),known:bigint,most:int>",
        # by default ties share one sum; in a frame of rows each has its own
        [
            (1, 20, 10, 3, Decimal("0.500002"), 3, 20),
            (2, 20, 20, 3, Decimal("0.500002"), 3, 20),
            (3, 40, 40, 4, Decimal("0.500002"), 3, 20),
            (4, None, None, 1, Decimal("0.500002"), 3, 20),
            (5, None, None, 1, None, 0, None),
            (6, 14, 7, 2, Decimal(10**8), 2, 7),
            (7, 14, 14, 2, Decimal(10**8), 2, 7),
        ],
    )


def joins(values: DataFrame) -> Iterator[Relation]:
    session = values.sparkSession
    left = session.createDataFrame([("a", 1), ("b", 2), (None, 3), ("b", 4)], "key string, l int")
    right = session.createDataFrame([("b", 10), ("c", 20), (None, 30)], "key string, r int")
    three = "struct<key:string,l:int,r:int>"
    yield Relation(
        "inner", left.join(right, "key").select("key", "l", "r"), three, [("b", 2, 10), ("b", 4, 10)]
    )
    yield Relation(
        "left",
        left.join(F.broadcast(right), ["key"], "left").select("key", "l", "r"),
        three,
        [("a", 1, None), ("b", 2, 10), (None, 3, None), ("b", 4, 10)],
    )
    yield Relation(
        "right keeps the right key",
        left.join(right, ["key"], "right").select("key", "l", "r"),
        three,
        [("b", 2, 10), ("b", 4, 10), ("c", None, 20), (None, None, 30)],
    )
    yield Relation(
        "full has the keys of both sides",
        left.join(right.hint("shuffle_hash"), ["key"], "full").select("key", "l", "r"),
        three,
        [("a", 1, None), ("b", 2, 10), ("b", 4, 10), (None, 3, None), ("c", None, 20), (None, None, 30)],
    )
    yield Relation(
        "left_semi", left.join(right, "key", "left_semi"), "struct<key:string,l:int>", [("b", 2), ("b", 4)]
    )
    yield Relation(
        "left_anti keeps a missing key",
        left.join(right, "key", "left_anti"),
        "struct<key:string,l:int>",
        [("a", 1), (None, 3)],
    )
    yield Relation(
        "with_part",
        with_part(left, right, ["key"]).select("key", "l", "r"),
        three,
        [("a", 1, None), ("b", 2, 10), (None, 3, None), ("b", 4, 10)],
    )
    yield Relation(
        "with_part, inner",
        with_part(left, right, ["key"], "inner").select("key", "l", "r"),
        three,
        [("b", 2, 10), ("b", 4, 10)],
    )
    yield Relation(
        "by a condition",
        left.alias("f").join(right.alias("s"), F.col("f.l") * 10 < F.col("s.r"), "inner").select("l", "r"),
        "struct<l:int,r:int>",
        [(1, 20), (1, 30), (2, 30)],
    )
    yield Relation(
        "crossJoin",
        left.where("l < 3").crossJoin(right.select("r").where("r > 10")).select("l", "r"),
        "struct<l:int,r:int>",
        [(1, 20), (1, 30), (2, 20), (2, 30)],
    )
    yield Relation(
        "unionByName",
        left.unionByName(right.withColumn("l", F.col("r") + 1), allowMissingColumns=True).withColumn(
            "r", F.col("r").cast("int")
        ),
        three,
        [
            ("a", 1, None),
            ("b", 2, None),
            (None, 3, None),
            ("b", 4, None),
            ("b", 11, 10),
            ("c", 21, 20),
            (None, 31, 30),
        ],
    )


def rows_of_arrays(values: DataFrame) -> Iterator[Relation]:
    texts = [(r["n"], v) for r in ROWS for v in r["texts"] or []]
    yield Relation(
        "explode", values.select("n", F.explode("texts").alias("v")), "struct<n:int,v:string>", texts
    )
    yield Relation(
        "explode of split",
        values.select("n", F.explode(F.split("t", r"\|")).alias("v")),
        "struct<n:int,v:string>",
        [(r["n"], v) for r in ROWS if r["t"] is not None for v in r["t"].split("|")],
    )
    yield Relation(
        "posexplode from zero",
        values.select("n", F.posexplode("texts").alias("at", "v")),
        "struct<n:int,at:int,v:string>",
        [(r["n"], at, v) for r in ROWS for at, v in enumerate(r["texts"] or [])],
    )
    yield Relation(
        "inline",
        values.select("n", F.inline("entries")),
        "struct<n:int,kind:string,code:string>",
        [(r["n"], e["kind"], e["code"]) for r in ROWS for e in r["entries"] or []],
    )
    built = F.array(
        F.struct(F.lit("甲").alias("kind"), F.col("i").alias("v")),
        F.struct(F.lit("乙").alias("kind"), F.lit(0).alias("v")),
    )
    yield Relation(
        "inline of built structs",
        values.where("n < 2").select("n", F.inline(built)),
        "struct<n:int,kind:string,v:int>",
        [(0, "甲", 7), (0, "乙", 0), (1, "甲", -7), (1, "乙", 0)],
    )
    yield Relation(
        "fields of a struct",
        values.select("n", "pair.*"),
        "struct<n:int,kind:string,since:date>",
        [(r["n"], (r["pair"] or {}).get("kind"), (r["pair"] or {}).get("since")) for r in ROWS],
    )
    yield Relation(
        "literals",
        values.sparkSession.createDataFrame(
            [("甲", Decimal("1.5"), date(2024, 2, 29), datetime(2024, 1, 1, tzinfo=UTC), ["x"], MOST)],
            "a string, b decimal(18,6), c date, d timestamp, e array<string>, f decimal(38,0)",
        ),
        "struct<a:string,b:decimal(18,6),c:date,d:timestamp,e:array<string>,f:decimal(38,0)>",
        [("甲", Decimal("1.5"), date(2024, 2, 29), datetime(2024, 1, 1, tzinfo=UTC), ["x"], MOST)],
    )


def ties_of(values: DataFrame) -> DataFrame:
    from jobs.columns.rows import materialised

    rows = [(g, k, v, None if m is None else Decimal(m)) for g, k, v, m in TIES]
    return materialised(values.sparkSession.createDataFrame(rows, "g string, k int, v int, m decimal(18,6)"))
