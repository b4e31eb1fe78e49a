"""What the yearly procedure decided 流程决定: adjustments of grades, the state of a result, and its version."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import first_of, with_part
from jobs.columns.values import present
from jobs.per_mu.steps.part_year import status

DISTRICT_YEAR = ["district_code", "year"]
FIRM = ["uscc", "year"]


def with_decisions(
    grades: DataFrame, steps: DataFrame, adjustments: DataFrame, publications: DataFrame
) -> DataFrame:
    """Computed grades with what was decided about them.

    ``status_code`` is final once that was decided after the public notice closed, and as long as the grade is the one
    published last. The versions that were published are rows of per_mu.publication.

    Args:
        steps: raw.gov_evaluation_step.
        adjustments: raw.gov_grade_adjustment; a firm's last one holds, and none lifts a veto.
        publications: raw.gov_grade_publication.
    """
    published = publications.withColumnRenamed("period", "year")
    version = published.groupBy(*DISTRICT_YEAR).agg(F.max("evaluation_version").alias("published_version"))
    last = published.join(
        version.withColumnRenamed("published_version", "evaluation_version"),
        [*DISTRICT_YEAR, "evaluation_version"],
        "left_semi",
    ).select(*FIRM, F.col("final_grade").alias("published_grade"))
    return (
        grades.transform(with_part, last_adjustments(adjustments), FIRM)
        .transform(_adjusted)
        .transform(with_part, _standing(steps), DISTRICT_YEAR)
        .transform(with_part, version, DISTRICT_YEAR)
        .transform(with_part, last, FIRM)
        .withColumn("status_code", decided_status())
    )


def last_adjustments(adjustments: DataFrame) -> DataFrame:
    """The last adjustment of each firm and year."""
    of_year = adjustments.withColumnRenamed("period", "year")
    order = (F.col("decided_date").desc(), F.col("grade_adjustment_code").desc())
    return first_of(of_year, FIRM, *order).select(*FIRM, "adjusted_grade", "grade_adjustment_reason_code")


def _adjusted(grades: DataFrame) -> DataFrame:
    """Final grades after the joint meeting; it may make a vetoed firm's grade worse, never better."""
    vetoed = F.exists("grade_reasons", lambda reason: reason.startswith("veto:"))
    allowed = ~vetoed | (F.col("adjusted_grade") >= F.col("final_grade"))
    changed = F.coalesce(allowed & (F.col("adjusted_grade") != F.col("final_grade")), F.lit(False))
    reason = F.when(changed, F.concat(F.lit("manual:"), "grade_adjustment_reason_code"))
    return grades.withColumns(
        {
            "grade_reasons": F.concat("grade_reasons", present(reason)),
            "final_grade": F.when(changed, F.col("adjusted_grade")).otherwise(F.col("final_grade")),
        }
    )


def _standing(steps: DataFrame) -> DataFrame:
    """One row per district and year with a step: when the public notice ended, and when grades were made final."""
    code = F.col("evaluation_step_code")
    return steps.groupBy("district_code", F.col("period").alias("year")).agg(
        F.max(F.when(code == "publicity", F.col("window_end_date"))).alias("publicity_end"),
        F.max(F.when(code == "final", F.col("decided_date"))).alias("final_date"),
    )


def decided_status() -> Column:
    """State of a result: that of the computation until the procedure says more of a complete year."""
    is_final = F.col("final_date") > F.col("publicity_end")
    # a firm that is graded now and was not published differs, too
    is_published = F.col("published_version").isNotNull()
    differs = is_published & ~F.col("final_grade").eqNullSafe(F.col("published_grade"))
    return (
        F.when(F.col("figures_as_of") != F.col("year"), status())
        .when(differs, "correction_pending")
        .when(is_final & (F.col("published_version") > 1), "corrected")
        .when(is_final, "final")
        .when(F.col("publicity_end").isNotNull(), "publicity")
        .otherwise(status())
    )
