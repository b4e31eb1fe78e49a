"""Suite 加减分与否决: signs, effects, and an event behind each."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "uscc, year, adjustment_code, event_id"

SUITE = Suite(
    "per_mu.adjustment",
    (
        Check(
            "points_signed",
            "加分不为负、扣分不为正",
            "Bonus points are not negative, penalty points not positive; other kinds have no points",
            f"""SELECT {_KEY}, points FROM {{table}} WHERE CASE adjustment_kind_code
            WHEN 'bonus' THEN points < 0 WHEN 'penalty' THEN points > 0 ELSE points <> 0 END""",
        ),
        Check(
            "effect_of_kind",
            "调整效果与类别相符",
            "Vetoes limit the grade, protections keep it at C or above, other kinds change points",
            f"""SELECT {_KEY}, effect_code FROM {{table}} WHERE CASE adjustment_kind_code
            WHEN 'veto' THEN effect_code NOT IN ('direct_d', 'not_above_c')
            WHEN 'protection' THEN effect_code <> 'not_below_c'
            ELSE effect_code NOT IN ('points', 'none') END""",
        ),
        Check(
            "event_known",
            "调整项有事件依据",
            "The event is on record for the firm and year; protections rest on the population",
            """SELECT a.uscc, a.year, a.adjustment_code, a.event_id FROM {table} a
            LEFT JOIN core.enterprise_event e
                ON e.event_id = a.event_id AND e.year = a.year AND e.uscc = a.uscc
            WHERE a.adjustment_kind_code <> 'protection' AND e.event_id IS NULL""",
        ),
        Check(
            "firm_known",
            "企业在参评名单内",
            "The firm is in the population",
            """SELECT a.uscc, a.year, a.adjustment_code FROM {table} a
            LEFT JOIN per_mu.population p ON p.uscc = a.uscc AND p.year = a.year WHERE p.uscc IS NULL""",
        ),
        Check(
            "vetoes_applied",
            "否决事件均已列入",
            "Every fatal accident and illegal discharge of a graded firm has its veto",
            """SELECT e.uscc, e.year, e.event_id FROM core.enterprise_event e
            JOIN per_mu.population p ON p.uscc = e.uscc AND p.year = e.year AND p.eval_status_code = 'graded'
            LEFT JOIN {table} a ON a.uscc = e.uscc AND a.year = e.year AND a.event_id = e.event_id
                AND a.adjustment_kind_code = 'veto'
            WHERE e.event_code IN ('safety_fatal', 'illegal_discharge') AND a.uscc IS NULL
            AND (e.valid_until_date IS NULL OR e.valid_until_date >= CAST(e.year || '-12-31' AS DATE))""",
            level="warn",
        ),
    ),
    may_be_empty=True,
)
