"""Size classes: preferred numbers that a reader can check."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from pyspark.sql import SparkSession

from jobs.bulletin.steps.size_classes import ENDS, with_class

#: Amount, least amount → low end, high end, what it counts as.
CASES = {
    ("1730", "0.01"): ("1600", "2500", "2000"),
    ("1600", "0.01"): ("1600", "2500", "2000"),  # the lower end is in the class
    ("1599.999999", "0.01"): ("1000", "1600", "1250"),  # the upper one is not
    ("9.99", "0.01"): ("6.3", "10", "8"),
    ("10", "0.01"): ("10", "16", "12.5"),
    ("0.03", "0.01"): ("0.025", "0.04", "0.0315"),
    ("-1730", "0.01"): ("1600", "2500", "-2000"),  # a loss counts as one
    ("0.01", "0.01"): ("0.01", "0.016", "0.0125"),
    ("0.009999", "0.01"): ("0", "0", "0"),
    ("9", "10"): ("0", "0", "0"),  # nine persons count as none
    ("0", "0.01"): ("0", "0", "0"),
    ("999999999999", "0.01"): ("630000000000", "1000000000000", "800000000000"),
}


def test_amounts_fall_in_classes(spark: SparkSession) -> None:
    rows = [(Decimal(amount), Decimal(least)) for amount, least in CASES]
    frame = spark.createDataFrame([*rows, (None, Decimal(10))], "amount decimal(18,6), least decimal(4,2)")
    found = [(r["low"], r["high"], r["counted"]) for r in frame.transform(with_class).collect()]
    assert found == [*(tuple(map(Decimal, case)) for case in CASES.values()), (None, None, None)]


def test_a_class_is_wider_than_a_fifth_on_either_side() -> None:
    """Of any amount in a class, one of its ends is more than 20 % away: the end is at least 1.5625 times the start."""
    ends = [*ENDS, Decimal(10)]
    assert min(high / low for low, high in pairwise(ends)) == Decimal("1.5625")
    # an amount is farthest from both ends in their mean, 1.28125, from which each is 22 % away
    assert Decimal("0.28125") / Decimal("1.28125") > Decimal("0.2195")
