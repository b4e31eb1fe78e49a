"""Sums that anybody may see: near the exact sums, and none that shows a firm, by the exact figures of all firms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from expectations.gate.suite import Check

_TAXES = ", ".join(
    f"tax_{kind}_wan_yuan"
    for kind in (
        "vat",
        "export_offset",
        "income",
        "consumption",
        "surcharge",
        "land_use",
        "property",
        "other",
    )
)
#: Published figure → the firm's own figure.
_FIGURES: Mapping[str, str] = {
    **{
        name: name
        for name in (
            "output_wan_yuan",
            "value_added_wan_yuan",
            "revenue_wan_yuan",
            "land_area_mu",
            "energy_tce",
            "employees_average",
        )
    },
    "tax_total_wan_yuan": f"list_sum([{_TAXES}])",
}
_QUOTIENTS = {
    "tax_per_mu_wan_yuan": ("亩均税收", "Tax per mu", "tax_total_wan_yuan"),
    "value_added_per_mu_wan_yuan": ("亩均增加值", "Value added per mu", "value_added_wan_yuan"),
}
#: A firm counts with the middle of its size class, which is at most 28 % from its amount, a very small one as none.
_MOST_OFF = 0.28
_SMALL = "CASE figure WHEN 'employees_average' THEN 10 ELSE 0.01 END"


def summary(key: Sequence[str]) -> str:
    """SQL: a row per row of the table and figure, with what is shown, the reason and the firms' exact figures.

    Firms of no row of the table (without a division) have rows with a null in the key. ``scale`` says which firms.
    """
    keys = ", ".join(key)
    columns = ", ".join(f"e.{k}" if k == "industry_division_code" else f"y.{k}" for k in key)
    only = "" if "is_above_scale" in key else "WHERE y.is_above_scale"
    scale = "is_above_scale" if "is_above_scale" in key else "true"
    figures = ", ".join(f"{sql} AS {name}" for name, sql in _FIGURES.items())
    names = ", ".join(_FIGURES)
    typed = ", ".join(f"CAST({name} AS DECIMAL(24,6)) AS {name}" for name in _FIGURES)
    return f"""
    WITH firm AS (SELECT {columns}, {figures} FROM core.enterprise_year y
            JOIN core.enterprise e ON e.uscc = y.uscc AND e.year = y.year {only}),
        amount AS (FROM (SELECT {keys}, {typed} FROM firm) UNPIVOT (amount FOR figure IN ({names}))),
        exact AS (SELECT {keys}, figure, sum(amount) AS total, sum(abs(amount)) AS size, max(abs(amount)) AS largest,
            count(*) AS firms, count(*) FILTER (amount <> 0) AS adding FROM amount GROUP BY ALL),
        shown AS (FROM (SELECT {keys}, withheld_reasons, {typed} FROM {{table}})
            UNPIVOT INCLUDE NULLS (shown FOR figure IN ({names})))
    SELECT {", ".join(f"coalesce(s.{k}, x.{k}) AS {k}" for k in key)}, coalesce(s.figure, x.figure) AS figure,
        {scale.replace("is_above_scale", "coalesce(s.is_above_scale, x.is_above_scale)")} AS scale, s.shown,
        s.withheld_reasons IS NOT NULL AS is_row,
        len(list_filter(s.withheld_reasons, r -> split_part(r, ':', 2) = s.figure)) AS reasons,
        x.total, x.size, x.largest, coalesce(x.firms, 0) AS firms, coalesce(x.adding, 0) AS adding
    FROM shown s FULL JOIN exact x ON x.figure = s.figure
        AND {" AND ".join(f"x.{k} IS NOT DISTINCT FROM s.{k}" for k in key)}"""


def published_sums(key: Sequence[str]) -> Iterator[Check]:
    """Checks of a table of published sums with these columns as key; they read its ``summary``."""
    keys = ", ".join(key)
    # below scale, half of the firms have no land on record
    landed = "NOT is_above_scale OR " if "is_above_scale" in key else ""
    yield Check(
        "shows_no_firm",
        "公开的数至少含三家企业，且无一家超过80%",
        "A sum that is shown stands for three firms, none of which has more than 80 % of it",
        f"SELECT {keys}, figure FROM {{summary}} WHERE shown IS NOT NULL AND (adding < 3 OR largest > 0.8 * size)",
    )
    yield Check(
        "near_the_sum",
        "公开的数接近实际合计",
        "A sum that is shown is as near the exact one as size classes allow",
        f"""SELECT {keys}, figure FROM {{summary}} WHERE abs(shown - total) > {_MOST_OFF} * size + firms * {_SMALL}""",
    )
    yield Check(
        "withheld_with_reason",
        "不公开的数均注明原因",
        "Where firms have a figure, either its sum is shown or the one reason why it is not",
        f"""SELECT {keys}, figure FROM {{summary}} WHERE is_row
            AND (shown IS NOT NULL)::INT + reasons <> (firms > 0)::INT""",
    )
    for quotient, (zh, en, figure) in _QUOTIENTS.items():
        exact = f"CAST({figure} AS DOUBLE) / CAST(land_area_mu AS DOUBLE)"
        yield Check(
            quotient.removesuffix("_wan_yuan"),
            f"{zh}为两项公开数之商",
            f"{en} is the quotient of two figures that are shown",
            f"""SELECT {keys} FROM {{table}} WHERE ({quotient} IS NULL) <> ({landed}{figure} IS NULL
                    OR land_area_mu IS NULL OR land_area_mu = 0)
                OR abs({quotient} - {exact}) > 0.000001 + 0.000000001 * abs({exact})""",
        )


def parts_of_the_city() -> Iterator[Check]:
    """Checks of a table whose rows add up to the city's: no empty sum follows from the others."""
    city = " ".join(f"WHEN '{name}' THEN c.{name}" for name in _FIGURES)
    of = f"""SELECT t.year, t.scale, t.figure FROM (SELECT s.*, CASE s.figure {city} END AS city
        FROM {{summary}} s JOIN bulletin.city_total c ON c.year = s.year AND c.is_above_scale = s.scale) t"""
    yield Check(
        "cannot_be_derived",
        "不公开的数之和至少含三家企业，且无一家超过80%",
        "Sums that are not shown stand together for three firms, none of which has more than 80 %",
        f"""{of} WHERE city IS NOT NULL AND shown IS NULL AND firms > 0
            GROUP BY ALL HAVING sum(adding) < 3 OR max(largest) > 0.8 * sum(size)""",
    )
    yield Check(
        "adds_up",
        "全部公开时各项之和等于全市",
        "Where all sums are shown, they add up to the city's",
        f"""{of} GROUP BY ALL HAVING count(*) FILTER (shown IS NULL AND firms > 0) = 0
            AND sum(shown) <> any_value(city)""",
    )
    yield Check(
        "none_without_the_city",
        "全市不公开的数，各项均不公开",
        "Where the city's sum is withheld, all its parts are",
        f"{of} WHERE city IS NULL AND shown IS NOT NULL",
    )
