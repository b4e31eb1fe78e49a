"""排污权交易 Transfers, leases and pledges of emission rights by year: booked, or refused with the reason.

Each pollutant has accounts of its own: those of firms with a permit or registration in the year, which begin with the
initial right. ``steps/ledger.py`` has the rules.
"""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id, with_part
from jobs.core.steps.identity import behind, successors
from jobs.job import Input, Job
from jobs.resource.energy_transfer import with_days
from jobs.resource.steps.claims import refusals
from jobs.resource.steps.initial_rights import KEY as ACCOUNT
from jobs.resource.steps.initial_rights import accounts, initial_rights
from jobs.resource.steps.ledger import Kind
from schemas.contract import contract

TABLE = "resource.emission_transfer"
KEY = ["year", "right_transfer_code"]
KINDS: dict[str, Kind] = {"transfer": "sale", "lease": "lease", "pledge": "pledge"}


def emission_transfer(
    transfers: DataFrame, register: DataFrame, rights: DataFrame, figures: DataFrame, succession: DataFrame
) -> DataFrame:
    """One row per transfer and year in which it is in force.

    Args:
        register: transfers of all years up to the last one to compute, as are ``rights`` and ``figures``.
    """
    spans = successors(succession)
    of_accounts = accounts(figures)
    granted = initial_rights(rights, spans).join(of_accounts, ACCOUNT, "left_semi")
    begins = [
        one.select("year", F.col("pollutant_code").alias("pool"), F.col("uscc").alias("account"), opening)
        for one, opening in (
            (of_accounts, F.lit(Decimal(0)).alias("opening")),
            (granted, F.col("granted_t").alias("opening")),
        )
    ]
    refused = refusals(
        _by_account(register, spans).select(
            "year", F.col("pollutant_code").alias("pool"), F.col("right_transfer_code").alias("code"),
            F.col("right_transfer_kind_code").alias("kind"), "giver_account", "taker_account",
            F.col("transferred_t").alias("amount"), F.col("transfer_from_date").alias("first"),
            F.col("transfer_to_date").alias("last"),
        ),
        begins,
        KINDS,
    ).select("year", F.col("code").alias("right_transfer_code"), "transfer_refusal_code")  # fmt: skip
    found = with_part(_by_account(transfers, spans), refused, KEY)
    districts = figures.select("uscc", "year", "district_code")
    for side in ("giver", "taker"):
        of_side = districts.withColumnsRenamed(
            {"uscc": f"{side}_account", "district_code": f"{side}_district_code"}
        )
        found = with_part(found, of_side, ["year", f"{side}_account"])
    return (
        found.transform(with_days, F.col("right_transfer_kind_code").isin("lease", "pledge"))
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )


def _by_account(feed: DataFrame, spans: DataFrame) -> DataFrame:
    """The register with the firm behind each code; a creditor keeps its code."""
    rows = behind(feed.withColumn("year", F.col("period")), spans, "giver_account")
    return behind(rows, spans, "taker_account")


JOB = Job(
    table=TABLE,
    transform=emission_transfer,
    inputs={
        "transfers": Input("raw.gov_emission_right_transfer"),
        "register": Input("raw.gov_emission_right_transfer", "upto"),
        "rights": Input("raw.gov_emission_right", "upto"),
        "figures": Input("core.enterprise_year", "upto"),
        "succession": Input("core.succession", "upto"),
    },
    evidence={
        "raw.gov_emission_right_transfer": {"right_transfer_code": "right_transfer_code", "period": "year"}
    },
)
