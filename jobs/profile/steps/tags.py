"""Tags of profiles, of years and months alike, each with the figures that justify it."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.profile.rules.tags import Tag, TagRules, evidence_text
from jobs.rules.condition import compiled

#: Separators of tags and of a tag's parts: control characters that no text on record contains.
NEXT_TAG, NEXT_PART = "\x1d", "\x1e"


def tags_of(profiles: DataFrame, rules: TagRules, *period: str) -> DataFrame:
    """One row per profile and tag; only tags whose rule is certainly met.

    A firm's tags are first joined to one text: a row for every firm and tag, most of them dropped again, took longer.

    Args:
        period: the columns that name the profile's period.
    """
    given = F.concat_ws(NEXT_TAG, *(_given(tag) for tag in rules.tags))
    parts = F.split("tag", NEXT_PART)
    return (
        profiles.withColumn("tags", given)
        .where("tags <> ''")
        .select("uscc", *period, "district_code", "is_above_scale", "per_mu_as_of",
                F.explode(F.split("tags", NEXT_TAG)).alias("tag"))
        .withColumn("parts", parts)
        .withColumns(
            {
                "tag_code": F.get("parts", F.lit(0)),
                "tag_kind_code": F.get("parts", F.lit(1)),
                "tag_evidence": F.slice("parts", F.lit(3), F.size("parts")),
            }
        )
    )  # fmt: skip


def _given(tag: Tag) -> Column:
    """The tag's code, kind and evidence where its rule is met, else null."""
    holds = compiled(tag.node)
    year = F.col("year").cast("int")
    if tag.valid_from:
        holds = holds & (year >= tag.valid_from)
    if tag.valid_to:
        holds = holds & (year <= tag.valid_to)
    told = F.concat_ws(NEXT_PART, F.lit(tag.code), F.lit(tag.kind), *map(evidence_text, tag.evidence))
    return F.when(holds, told)
