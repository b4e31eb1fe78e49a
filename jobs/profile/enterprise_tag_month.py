"""企业月度标签 Tags of enterprises in the latest month by the rules of ``tags.yml``, each with its figures."""

from __future__ import annotations

from pyspark.sql import DataFrame

from jobs.columns.rows import row_id
from jobs.job import Input, Job
from jobs.profile.rules.tags import TagRules, tag_rules
from jobs.profile.steps.tags import tags_of
from schemas.contract import contract

TABLE = "profile.enterprise_tag_month"


def enterprise_tag_month(profiles: DataFrame, rules: TagRules) -> DataFrame:
    """One row per enterprise, tag and month."""
    return (
        tags_of(profiles, rules, "month", "year")
        .withColumn("row_id", row_id("uscc", "tag_code", "month"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=enterprise_tag_month,
    inputs={"profiles": Input("profile.enterprise_profile_month")},
    rules=tag_rules,
    evidence={"profile.enterprise_profile_month": {"uscc": "uscc", "month": "month"}},
)
