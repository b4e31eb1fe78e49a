"""企业标签 Tags of enterprises by the rules of ``tags.yml``, each with the figures that justify it."""

from __future__ import annotations

from pyspark.sql import DataFrame

from jobs.columns.rows import row_id
from jobs.job import Input, Job
from jobs.profile.rules.tags import TagRules, tag_rules
from jobs.profile.steps.tags import tags_of
from schemas.contract import contract

TABLE = "profile.enterprise_tag"


def enterprise_tag(profiles: DataFrame, rules: TagRules) -> DataFrame:
    """One row per enterprise, tag and year."""
    return (
        tags_of(profiles, rules, "year")
        .withColumn("row_id", row_id("uscc", "tag_code", "year"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=enterprise_tag,
    inputs={"profiles": Input("profile.enterprise_profile")},
    rules=tag_rules,
    evidence={"profile.enterprise_profile": {"uscc": "uscc", "year": "year"}},
)
