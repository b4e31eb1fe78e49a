"""产业链环节 Nodes of the chains, as the models define them for each year of the directory."""

from __future__ import annotations

from pyspark.sql import DataFrame

from jobs.chain.rules.frames import holds, node_frame
from jobs.chain.rules.models import ChainModels, load_titled
from jobs.columns.rows import row_id
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "chain.node"


def node(enterprises: DataFrame, rules: ChainModels) -> DataFrame:
    """One row per node and year; of the directory only the years are used."""
    years = enterprises.select("year").distinct()
    return (
        years.join(node_frame(enterprises.sparkSession, rules), holds("year"), "inner")
        .withColumn("row_id", row_id("node_code", "year"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=node,
    inputs={"enterprises": Input("core.enterprise")},
    rules=load_titled,
)
