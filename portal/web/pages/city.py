"""总览 City: a year's sums and the year before, districts as tiles and a table, chains, the gate's warnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import RedirectResponse, Response

from portal.queries import city, gate, overview
from portal.queries.city import ChainState
from portal.queries.overview import District, Totals
from portal.queries.release import Query as Asking
from portal.web.district_map import district_map
from portal.web.filters import Year
from portal.web.frame import Asked, Frame

router = APIRouter()

#: Figures by which the tiles may be coloured: attribute of the totals → title in both languages, unit.
COLOURED: Mapping[str, tuple[str, str, str]] = {
    "tax_per_mu_wan_yuan": ("亩均税收", "Tax per mu", "万元/亩"),
    "value_added_per_mu_wan_yuan": ("规上亩均增加值", "Value added per mu, above scale", "万元/亩"),
    "graded": ("参评企业", "Graded firms", "家"),
    "land_mu": ("用地面积", "Land", "亩"),
}
#: Names of missing nodes in a chain's row.
MOST_MISSING = 3


@router.get("/")
def overview_page(
    frame: Asked,
    year: Year = "",
    colour: str = "tax_per_mu_wan_yuan",
) -> Response:
    viewer = frame.viewer
    if viewer.role == "enterprise":
        return RedirectResponse(frame.url(f"/enterprise/{viewer.scope}"), 302)
    if viewer.role == "town":  # sums are those of districts; a clerk works on firms
        return RedirectResponse(frame.url("/per-mu"), 302)
    if viewer.is_visitor:
        return RedirectResponse(frame.url("/public"), 302)
    if colour not in COLOURED:
        raise HTTPException(422, frame.t("没有这个地图指标", "the map has no such figure"))
    with frame.reading() as query:
        known = overview.years(query)
        if not known:
            return frame.render("nothing.html", nav="city")
        year = year or known[0]
        if year not in known:
            raise HTTPException(404, frame.t(f"没有{year}年的评价", f"there is no evaluation of {year}"))
        totals = [t for t in overview.by_year(query) if t.year <= year]
        chains = city.chain_states(query, year) if "chain.gap" in query.tables else []
        districts = overview.by_district(query, year)
        return frame.render(
            "city.html",
            nav="city",
            year=year,
            colour=colour,
            coloured_options=[(k, frame.t(zh, en)) for k, (zh, en, _) in COLOURED.items()],
            year_options=[(known_year, known_year) for known_year in known],
            whose=_whose(frame, query),
            totals=totals[-1],
            changes={
                name: overview.change(totals, name)
                for name in (*COLOURED, "tax_wan_yuan", "value_added_wan_yuan")
            },
            map=district_map(frame, districts, colour, COLOURED[colour]),
            district_rows=[district_row(frame, one) for one in districts],
            row_href=lambda row: frame.url("/per-mu", year=year, district=row["code"]),
            chains=chains,
            chain_rows=[chain_row(frame, one) for one in chains],
            chain_href=lambda row: frame.url(f"/chain/{row['code']}", year=year),
            chain_target=city.target(query, year),
            warnings=gate.warnings(query),
        )


def _whose(frame: Frame, query: Asking) -> str:
    """Whose sums the page shows: the city's, or those of the viewer's own district."""
    scope = frame.viewer.scope
    if not scope:
        return frame.t("全市", "Whole city")
    return frame.name(query.titles("district", scope))


def district_row(frame: Frame, one: District) -> dict[str, Any]:
    """A district as a row of the table beside the map."""
    parts = grade_parts(one.totals)
    return {
        "code": one.district.code,
        "name": frame.name(one.district),
        "tax_per_mu_wan_yuan": one.totals.tax_per_mu_wan_yuan,
        "graded": one.totals.graded,
        "grades": parts,
        "spoken": frame.t("，", ", ").join(label for _, _, label in parts),
    }


def chain_row(frame: Frame, one: ChainState) -> dict[str, Any]:
    """A chain as a row of the tables of chains."""
    names = [frame.name(node) for node in one.missing]
    separator = frame.t("、", ", ")
    return {
        **vars(one),
        "code": one.chain.code,
        "chain": frame.name(one.chain),
        "missing": separator.join(names[:MOST_MISSING]) + (" …" if len(names) > MOST_MISSING else ""),
    }


def grade_parts(totals: Totals) -> list[tuple[str, int, str]]:
    """The grades of sums, for a stacked bar."""
    counts = (totals.grade_a, totals.grade_b, totals.grade_c, totals.grade_d)
    return [(grade, count, f"{grade} {count:,}") for grade, count in zip("ABCD", counts, strict=True)]
