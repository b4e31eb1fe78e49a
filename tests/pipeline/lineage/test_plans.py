"""What a value is made of, read off small plans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import Window
from pyspark.sql import functions as F

from jobs.columns.rows import at_most, first_of, literal_table, materialised
from jobs.job import Input
from pipeline.lineage.session import RecordingSession
from pipeline.lineage.values import LineageError

TAX, ENERGY = "raw.gov_tax", "raw.gov_energy"


class Plan:
    """Two feeds, and what the columns of a table built from them are made of."""

    def __init__(self) -> None:
        self.session: Any = RecordingSession()
        self.tax = self.session.input(Input(TAX))
        self.energy = self.session.input(Input(ENERGY))

    def made_of(self, table: Any, column: str) -> set[str]:
        """Sources of a column, without the names of the feeds."""
        sources = self.session.recorder.made(table).find(column).sources
        return {source.removeprefix(f"{TAX}.").removeprefix("raw.") for source in sources}


@pytest.fixture
def plan() -> Plan:
    return Plan()


vat, income = F.col("tax_vat_wan_yuan"), F.col("tax_income_wan_yuan")


@pytest.mark.parametrize(
    ("expression", "sources"),
    [
        (lambda: vat + income, {"tax_vat_wan_yuan", "tax_income_wan_yuan"}),
        (lambda: vat.cast("string"), {"tax_vat_wan_yuan"}),
        (lambda: F.lit(1), set()),
        # a condition decides the value, so the value is made of it
        (lambda: F.when(vat > 0, "A").otherwise(income), {"tax_vat_wan_yuan", "tax_income_wan_yuan"}),
        (lambda: F.call_function("div", vat, F.lit(2)), {"tax_vat_wan_yuan"}),
        (lambda: F.expr("tax_vat_wan_yuan > 'tax_income_wan_yuan'"), {"tax_vat_wan_yuan"}),
        (lambda: F.rank().over(Window.partitionBy("uscc").orderBy(vat.desc())), {"uscc", "tax_vat_wan_yuan"}),
        (lambda: F.filter(F.array("uscc"), lambda x: x == income), {"uscc", "tax_income_wan_yuan"}),
        # of a struct only the field that is read
        (lambda: F.struct(vat, income.alias("b"))["b"], {"tax_income_wan_yuan"}),
        (lambda: F.get(F.array(F.struct(vat.alias("a"), income.alias("b"))), F.lit(0))["b"], {"tax_income_wan_yuan"}),
        (lambda: F.transform(F.array(F.struct(vat.alias("a"), "uscc")), lambda s: s["a"]), {"tax_vat_wan_yuan"}),
        # the greatest of structs is chosen by all its fields
        (
            lambda: F.array_max(F.array(F.struct(vat.alias("a"), income.alias("b"))))["b"],
            {"tax_vat_wan_yuan", "tax_income_wan_yuan"},
        ),
    ],
)  # fmt: skip
def test_a_value_is_made_of_all_that_its_expression_reads(
    plan: Plan, expression: Callable[[], Any], sources: set[str]
) -> None:
    table = plan.tax.withColumn("x", expression())
    assert plan.made_of(table, "x") == sources
    assert plan.made_of(table.select(F.col("x").alias("y")), "y") == sources


def test_filters_and_keys_choose_rows_and_are_not_part_of_a_value(plan: Plan) -> None:
    rows = plan.tax.where(vat > 0).join(plan.energy.select("uscc", "energy_tce"), "uscc", "inner")
    assert plan.made_of(rows, "tax_income_wan_yuan") == {"tax_income_wan_yuan"}
    assert plan.made_of(rows, "energy_tce") == {"gov_energy.energy_tce"}


@pytest.mark.parametrize("first", ["place = 1", F.col("place") == 1, (F.col("place") == 1) & (income > 0)])
def test_the_first_of_an_order_is_made_of_what_orders_it(plan: Plan, first: Any) -> None:
    place = F.row_number().over(Window.partitionBy("period").orderBy(vat.desc()))
    placed = plan.tax.withColumn("place", place)
    assert plan.made_of(placed.where(first), "uscc") == {"uscc", "tax_vat_wan_yuan"}
    assert plan.made_of(at_most(plan.tax, ["period"], "tax_vat_wan_yuan"), "uscc") == {
        "uscc",
        "tax_vat_wan_yuan",
    }
    # a list of the first hundred chooses rows
    assert plan.made_of(placed.where("place <= 100"), "uscc") == {"uscc"}


def test_a_count_is_made_of_what_chose_its_rows(plan: Plan) -> None:
    counted = plan.tax.where("tax_vat_wan_yuan > 0").groupBy("period").agg(F.count("*").alias("firms"))
    assert plan.made_of(counted, "firms") == {"period", "tax_vat_wan_yuan"}


def test_a_constant_of_a_branch_is_made_of_what_chose_the_branch(plan: Plan) -> None:
    high = plan.tax.where(vat >= 100).select("uscc", F.lit("A").alias("grade"))
    low = plan.tax.where(vat < 100).select("uscc", F.lit("B").alias("grade"))
    assert plan.made_of(high.unionByName(low), "grade") == {"tax_vat_wan_yuan"}


def test_a_constant_of_an_optional_side_tells_which_rows_match(plan: Plan) -> None:
    payers = plan.tax.where(vat > 0).select("uscc", F.lit(True).alias("pays"))
    rows = plan.energy.join(payers, "uscc", "left")
    assert plan.made_of(rows, "pays") == {"uscc", "tax_vat_wan_yuan"}


def test_a_value_of_a_rule_is_made_of_the_key_that_finds_it(plan: Plan) -> None:
    rules = literal_table(plan.session, [("x", 1)], "period string, weight int")
    limits = literal_table(plan.session, [(1, "A")], "least int, grade string")
    assert plan.made_of(plan.tax.join(rules, "period", "left"), "weight") == {"period"}
    graded = plan.tax.join(limits, vat >= F.col("least"), "inner")
    assert plan.made_of(graded, "grade") == {"tax_vat_wan_yuan"}
    # all rows of the rules stay, so nothing chooses among them
    assert plan.made_of(rules.join(plan.tax, "period", "left"), "weight") == set()


def test_names_of_tables_and_structs_are_resolved(plan: Plan) -> None:
    both = plan.tax.alias("t").join(plan.energy.alias("e"), F.col("t.uscc") == F.col("e.uscc"), "inner")
    assert plan.made_of(both.select("e.uscc"), "uscc") == {"gov_energy.uscc"}
    assert plan.made_of(both.select("t.*"), "uscc") == {"uscc"}
    packed = plan.tax.select("uscc", F.struct("period", vat.alias("v")).alias("s"))
    assert plan.made_of(packed.select("s.v"), "v") == {"tax_vat_wan_yuan"}
    assert plan.made_of(packed.select("s.*"), "period") == {"period"}
    several = plan.tax.select(F.inline(F.array(F.struct(vat.alias("v"), F.lit("vat").alias("kind")))))
    assert plan.made_of(several, "v") == {"tax_vat_wan_yuan"} and plan.made_of(several, "kind") == set()


def test_what_is_stored_in_between_stays_what_it_is(plan: Plan) -> None:
    stored = materialised(plan.tax.select("uscc", (vat + income).alias("total")))
    assert stored.columns == ["uscc", "total"]
    first = first_of(stored, ["uscc"], F.col("total").desc())
    assert plan.made_of(first, "total") == {"tax_vat_wan_yuan", "tax_income_wan_yuan"}


def test_a_table_that_the_code_writes_is_made_of_what_it_collected(plan: Plan) -> None:
    found = plan.tax.select("uscc", vat.alias("v")).collect()
    assert len(found) == 1
    written = literal_table(plan.session, [(row["uscc"], row["v"]) for row in found], "code string, v int")
    assert plan.made_of(written, "v") == {"uscc", "tax_vat_wan_yuan"}


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda p: p.tax.fillna(0), "relations of the kind fill_na"),
        (lambda p: p.tax.groupBy("uscc").pivot("period", ["2024"]).agg(F.sum("tax_vat_wan_yuan")), "pivots"),
        (lambda p: p.tax.select(p.tax["uscc"]), "name it by F.col"),
        (lambda p: p.tax.select("no_column"), "no column no_column"),
        (
            lambda p: p.tax.select(F.struct("uscc").withField("x", F.lit(1))),
            "expressions of the kind update_fields",
        ),
        (lambda p: p.session.read.parquet("/elsewhere"), "reads .* itself"),
    ],
)
def test_what_cannot_be_followed_is_refused(plan: Plan, build: Callable[[Plan], Any], said: str) -> None:
    with pytest.raises(LineageError, match=said):
        plan.session.recorder.made(build(plan))
