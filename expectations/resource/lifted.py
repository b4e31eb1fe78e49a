"""Suite 达标提升企业: lifted firms were listed the year before, are judged now and meet no condition."""

from __future__ import annotations

from expectations.checks.consequences import IN_FORCE
from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "resource.lifted",
    (
        Check(
            "was_listed",
            "上年在列、当年不在列",
            "The firm was listed the year before and is not listed now",
            """SELECT t.uscc, t.year FROM {table} t
                LEFT JOIN resource.low_efficiency b
                    ON b.uscc = t.uscc AND CAST(b.year AS INTEGER) + 1 = CAST(t.year AS INTEGER)
                LEFT JOIN resource.low_efficiency n ON n.uscc = t.uscc AND n.year = t.year
            WHERE b.uscc IS NULL OR n.uscc IS NOT NULL OR b.failed_conditions <> t.failed_conditions_before""",
        ),
        Check(
            "is_judged",
            "当年参评且不是D类",
            "The firm is graded in the year, and not D",
            f"""SELECT t.uscc, t.year FROM {{table}} t LEFT JOIN {IN_FORCE} g USING (uscc, year)
            WHERE g.final_grade IS DISTINCT FROM t.final_grade OR g.final_grade = 'D'""",
        ),
        Check(
            "lifted_without_better_tax",
            "达标但亩均税收下降",
            "A firm leaves the list although its tax per mu fell: the bound fell more, or its grade alone moved",
            """SELECT uscc, year, tax_per_mu_wan_yuan_before, tax_per_mu_wan_yuan FROM {table}
            WHERE tax_per_mu_wan_yuan < tax_per_mu_wan_yuan_before
                AND list_contains(failed_conditions_before, 'low_tax')""",
            level="warn",
        ),
    ),
    may_be_empty=True,
)  # fmt: skip
