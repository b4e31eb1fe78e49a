"""Unit slips in plausible data: 万元 for 亿元, kWh for 万kWh, m² for 亩.

A figure that is ten thousand times too large or small is still a valid number. It shows in comparison with the firm's
own other periods, and with the usual ratio of two figures in the same list. A single slip is the firm's mistake.
Slips of more than 0.5 % of a period's firms are the sender's mistake, and block.
"""

from __future__ import annotations

#: Distance between a figure and the firm's usual one, in decades (powers of ten). The slip 万元/亿元 is four, m²/亩
#: is 2.8; a slip in one month of twelve still moves a year by 2.9. Firms' real figures stay within one.
OWN_DECADES = 2.5

#: Distance between a ratio of two figures and its median in the list, in decades. Such ratios have a standard
#: deviation of up to 0.8 decades, so three decades are more than 3.7 standard deviations.
LIST_DECADES = 3.0

#: Firms of a period that may slip: 0.5 %, plus five so that single mistakes do not block a small city.
ALLOWED = "5 + 0.005 * count(*)"

TAX_COMPONENTS = (
    "tax_vat_wan_yuan",
    "tax_export_offset_wan_yuan",
    "tax_income_wan_yuan",
    "tax_consumption_wan_yuan",
    "tax_surcharge_wan_yuan",
    "tax_land_use_wan_yuan",
    "tax_property_wan_yuan",
    "tax_other_wan_yuan",
)

#: Size of a firm's tax, 万元: absolute values, so that refunds do not cancel payments.
TAX_SIZE = "(" + " + ".join(f"abs(coalesce({c}, 0))" for c in TAX_COMPONENTS) + ")"

#: Tax paid less refunds, 万元.
TAX_SUM = "(" + " + ".join(f"coalesce({c}, 0)" for c in TAX_COMPONENTS) + ")"


def own_history(measure: str, *, source: str = "SELECT * FROM {table}", period: str = "year") -> str:
    """SQL for firms whose measure departs from their own other periods, in periods where too many do.

    Months are compared with months and years with years. If a firm has only two periods, both are named.
    """
    return f"""WITH source AS ({source}),
        figures AS (
            SELECT uscc, {period}, length({period}) AS cadence, log10(CAST({measure} AS DOUBLE)) AS decades
            FROM source WHERE {measure} > 0),
        usual AS (
            SELECT uscc, cadence, median(decades) AS usual, count(*) AS periods
            FROM figures GROUP BY uscc, cadence HAVING count(*) > 1),
        judged AS (
            SELECT f.uscc, f.{period},
                abs(f.decades - u.usual) * CASE WHEN u.periods = 2 THEN 2 ELSE 1 END >= {OWN_DECADES}
                    AS slipped
            FROM figures f JOIN usual u USING (uscc, cadence))
        SELECT uscc, {period} FROM judged WHERE slipped AND {period} IN (
            SELECT {period} FROM judged GROUP BY {period} HAVING count(*) FILTER (slipped) > {ALLOWED})"""


def list_ratio(numerator: str, denominator: str) -> str:
    """SQL for firms whose ratio of two figures departs from their list's median, in years where too many do."""
    return f"""WITH figures AS (
            SELECT uscc, year, is_above_scale,
                log10(CAST({numerator} AS DOUBLE)) - log10(CAST({denominator} AS DOUBLE)) AS decades
            FROM {{table}} WHERE {numerator} > 0 AND {denominator} > 0),
        usual AS (SELECT year, is_above_scale, median(decades) AS usual FROM figures GROUP BY ALL),
        judged AS (
            SELECT f.uscc, f.year, abs(f.decades - u.usual) >= {LIST_DECADES} AS slipped
            FROM figures f JOIN usual u USING (year, is_above_scale))
        SELECT uscc, year FROM judged WHERE slipped AND year IN (
            SELECT year FROM judged GROUP BY year HAVING count(*) FILTER (slipped) > {ALLOWED})"""
