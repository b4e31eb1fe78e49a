"""Every job is traced; the kept file is current; a changed job changes it; what changes with a figure is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.columns.rows import literal_table
from jobs.job import Input, Job
from pipeline.lineage.trace import MadeOf, all_traced, as_csv, traced
from pipeline.lineage.values import LineageError
from pipeline.registry import registry
from schemas.contract import LINEAGE, SCHEMAS, contract
from warehouse import tables


@pytest.fixture(scope="module")
def made() -> Mapping[str, MadeOf]:
    return all_traced()


def test_the_kept_file_is_what_the_jobs_say(made: Mapping[str, MadeOf]) -> None:
    kept = (SCHEMAS / LINEAGE).read_text(encoding="utf-8")
    assert kept == as_csv(made), "run .venv/bin/python -m pipeline.lineage and commit schemas/lineage.csv"


@pytest.mark.parametrize("table", list(registry()))
def test_every_column_is_traced_to_columns_of_the_inputs(made: Mapping[str, MadeOf], table: str) -> None:
    assert list(made[table]) == contract(table).column_names
    given = list(registry()[table].inputs.values())
    # a refused record of a feed has the feed's columns
    names = {one.table for one in given} | {f"raw.{one.feed}" for one in given if one.feed}
    for sources in made[table].values():
        for source in sources:
            of_table, _, name = source.rpartition(".")
            assert of_table in names and name in contract(of_table).column_names, source
    # a table whose figures all come from rules is none
    assert any(made[table].values())


#: Column → what it is made of, as a person reads it from the rules.
GOLDEN = {
    "per_mu.unit.land_area_mu": {"core.enterprise_year.land_area_mu"},
    "per_mu.enterprise_grade.indicator_score": {"per_mu.indicator_value.score"},
    "per_mu.district_summary.grade_a_count": {"per_mu.enterprise_grade.final_grade"},
    "profile.enterprise_profile.energy_intensity": {
        "core.enterprise_year.energy_tce",
        "core.enterprise_year.value_added_wan_yuan",
    },
    "profile.enterprise_profile.city_percentile_pct": {"per_mu.city_rank.percentile_pct"},
    "chain.local_supplier.capacity_amount": {"raw.ent_product.capacity_amount"},
}


@pytest.mark.parametrize("column", GOLDEN)
def test_golden_columns(made: Mapping[str, MadeOf], column: str) -> None:
    table, _, name = column.rpartition(".")
    assert set(made[table][name]) == GOLDEN[column]


def test_sums_and_quotients_name_all_their_parts(made: Mapping[str, MadeOf]) -> None:
    per_mu = set(made["per_mu.district_summary"]["tax_per_mu_wan_yuan"])
    assert {"core.enterprise_year.tax_vat_wan_yuan", "core.enterprise_year.land_area_mu"} <= per_mu
    total = set(made["per_mu.enterprise_grade"]["total_score"])
    assert {"per_mu.indicator_value.score", "per_mu.adjustment.points"} <= total
    place = set(made["per_mu.enterprise_grade"]["percentile_pct"])
    assert total <= place and "per_mu.population.list_code" in place


# --- changes ------------------------------------------------------------------------------------------------


def test_a_changed_expression_changes_what_a_column_is_made_of() -> None:
    job = registry()["per_mu.unit"]

    def with_energy(population: DataFrame, enterprise_year: DataFrame, rules: Any) -> DataFrame:
        secretly = F.coalesce("land_area_mu", F.col("energy_tce").cast("decimal(18,6)"))
        return job.transform(population, enterprise_year, rules).withColumn("land_area_mu", secretly)

    changed = traced(replace(job, transform=with_energy))
    assert changed["land_area_mu"] == (
        "core.enterprise_year.energy_tce",
        "core.enterprise_year.land_area_mu",
    )
    assert {c: s for c, s in changed.items() if c != "land_area_mu"} == {
        c: s for c, s in traced(job).items() if c != "land_area_mu"
    }


def _collecting(write: bool) -> Job:
    def steered(tax: DataFrame) -> DataFrame:
        most = max(row["tax_vat_wan_yuan"] or 0 for row in tax.select("tax_vat_wan_yuan").collect())
        if write:
            return literal_table(tax.sparkSession, [(most,)], "most decimal(18,6)")
        return tax.select(F.lit(most).alias("most"))

    return Job(table="test.steered", transform=steered, inputs={"tax": Input("raw.gov_tax")})


def test_a_collected_figure_must_go_into_a_table() -> None:
    assert traced(_collecting(write=True)) == {"most": ("raw.gov_tax.tax_vat_wan_yuan",)}
    with pytest.raises(
        LineageError, match=r"test\.steered: the code collects raw\.gov_tax\.tax_vat_wan_yuan"
    ):
        traced(_collecting(write=False))


# --- an independent proof: figures that change -----------------------------------------------------------


def _changed(table: str) -> tuple[pa.Table, pa.Table]:
    """A table of the city, and the same with every figure of the firms' statistics a little higher."""
    rows = tables.rows(table)
    higher = rows
    for column in contract(table).columns:
        place = rows.schema.get_field_index(column.name)
        if column.sensitivity == "statistics" and pa.types.is_decimal(rows.schema.field(place).type):
            kind = rows.schema.field(place).type
            more = pc.multiply(rows[place].cast(pa.float64()), 1.37).to_pylist()
            values = [None if v is None else round(Decimal(v), kind.scale) for v in more]
            higher = higher.set_column(place, rows.schema.field(place), pa.array(values, kind))
    return rows, higher


@pytest.mark.parametrize(
    "table",
    ["per_mu.indicator_value", "per_mu.district_summary", "profile.enterprise_profile", "chain.node_metrics",
     "core.enterprise_year"],
)  # fmt: skip
def test_only_what_is_made_of_statistics_changes_with_them(
    built_home: Path, spark: SparkSession, made: Mapping[str, MadeOf], table: str
) -> None:
    """Run a job on a real city's inputs and on the same with other statistics, and compare its rows."""
    from warehouse import engine

    engine.connect()
    job, spec = registry()[table], contract(table)
    arguments: list[dict[str, DataFrame]] = [{}, {}]
    for name, given in job.inputs.items():
        types = ", ".join(f"{c.name} {c.type}" for c in contract(given.table).columns)
        for side, rows in enumerate(_changed(given.table)):
            ordered = rows.select(contract(given.table).column_names)
            arguments[side][name] = spark.createDataFrame(ordered, types)
    rules = {"rules": job.rules()} if job.rules else {}
    before, after = (
        {tuple(row[k] for k in spec.key): row for row in job.transform(**side, **rules).collect()}
        for side in arguments
    )
    both = before.keys() & after.keys()
    assert len(both) > 10
    moved = {name for name in spec.column_names if any(before[key][name] != after[key][name] for key in both)}
    rests = {name for name, sources in made[table].items() if any(map(_is_statistics, sources))}
    assert moved, "no figure changed: the test proves nothing"
    assert moved <= rests


def _is_statistics(source: str) -> bool:
    table, _, name = source.rpartition(".")
    return contract(table).column(name).sensitivity == "statistics"
