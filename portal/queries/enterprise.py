"""Find an enterprise by code or part of a name, and describe it as of a year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal.queries import profile
from portal.queries.codes import as_code, doubt, folded, is_code
from portal.queries.not_found import Disputed, NotThatYear, Unknown
from portal.queries.release import Query, Row, row_of_firm, rows_of_firm
from portal.queries.successor import Successor, successor
from portal.queries.titles import Named
from schemas.errors import UsageError

#: Most firms that a search returns, and number of similar firms that are named when nothing matches.
MOST_MATCHES = 20
NEAREST = 3
#: Most mistakes in a code that is called similar.
MOST_MISTAKES = 2


#: Columns of the firm's figures that say who it is.
_FIGURES = (
    "land_area_mu", "land_own_mu", "land_lease_mu", "land_let_mu", "missing_feeds", "quarantined_feeds", "known_at",
)  # fmt: skip


@dataclass(frozen=True)
class Match:
    """A firm that a search found, as of its latest year in the directory."""

    uscc: str
    enterprise_name: str
    district: str
    grade: str
    year: str
    #: The other identifier by which it was found, with its kind; empty if it was found by its code or name.
    found_by: str = ""
    district_code: str = ""
    former_name: str | None = None


@dataclass(frozen=True)
class Who:
    """The firm in the year's directory. Its age is in full years, at the profile's day or the end of the year."""

    uscc: str
    name: str
    former_name: str | None
    district: Named
    #: The town, or the reason why it is missing; none in releases from before towns.
    town: Named | None
    zone: Named | None
    industry: Named | None
    is_above_scale: bool
    size: Named | None
    directory_change: Named
    registered_date: date | None
    age_years: int | None
    registration: Named | None
    land_area_mu: Decimal | None
    land_own_mu: Decimal | None
    land_lease_mu: Decimal | None
    land_let_mu: Decimal | None
    identity_flags: tuple[Named, ...]
    #: Feeds without a row of the firm, and feeds with a quarantined record of the firm.
    missing_feeds: tuple[Named, ...]
    quarantined_feeds: tuple[Named, ...]
    #: Whose the firm is now, if it was absorbed or got another code.
    successor: Successor | None


# --- finding a firm ------------------------------------------------------------------------------------

#: Every firm as of its latest year in the directory.
_LAST = """
    SELECT uscc, max(year) AS year, arg_max(enterprise_name, year) AS enterprise_name,
        arg_max(district_code, year) AS district_code, max(former_name) AS former_name
    FROM core.enterprise"""


def find(query: Query, word: str) -> tuple[list[Match], int]:
    """Firms whose credit code, else another identifier, is the word; else firms whose code or name contains it.

    Former names are searched too. Names that begin with the word come first. Spaces, lower case and full-width
    characters do not matter.

    Returns:
        At most :data:`MOST_MATCHES` firms, and the number of all matches.

    Raises:
        UsageError: no firm matches; the line says what is wrong with a code, and names the most similar firms.
    """
    if not word.strip():
        raise UsageError("give a credit code or part of a name: ./brain card 9133…")
    code, name = as_code(word), folded(word)
    if exact := query(f"{_LAST} WHERE uscc = ? GROUP BY uscc", code):
        return _matches(query, exact), 1
    if identified := _identified(query, code):
        return _matches(query, identified), len(identified)
    found = query(
        f"""{_LAST} WHERE contains(uscc, $1) OR contains({_folded("enterprise_name")}, $2)
            OR contains({_folded("former_name")}, $2) GROUP BY uscc
        ORDER BY NOT starts_with({_folded("arg_max(enterprise_name, year)")}, $2), uscc""",
        code, name,
    )  # fmt: skip
    if not found:
        raise _unknown(query, word.strip())
    return _matches(query, found[:MOST_MATCHES]), len(found)


def _folded(column: str) -> str:
    """SQL of a name in the form of :func:`portal.queries.codes.folded`."""
    return f"upper(replace(replace({column}, '（', '('), '）', ')'))"


def year_in_directory(query: Query, uscc: str, year: str | None = None) -> str:
    """The given year, or the firm's latest year in the directory if none is given.

    Raises:
        UsageError: the firm is not in any directory, or not in that of the given year.
    """
    firms = query("SELECT year, enterprise_name FROM core.enterprise WHERE uscc = ? ORDER BY year", uscc)
    if not firms:
        raise _unknown(query, uscc)
    years = [firm["year"] for firm in firms]
    if not year:
        return str(years[-1])
    if year not in years:
        name = firms[-1]["enterprise_name"]
        raise NotThatYear(
            f"{name} {uscc} is not in the directory of {year}; it is in {', '.join(years)}", years
        )
    return year


def is_latest_year(query: Query, year: str) -> bool:
    """Whether the directory has no later year."""
    [latest] = query("SELECT max(year) AS year FROM core.enterprise")
    return bool(latest["year"] == year)


def _identified(query: Query, code: str) -> list[dict[str, Any]]:
    """The firms of another identifier: former credit code, registration number, organisation code, meter account.

    Raises:
        UsageError: several firms claim it, so that it identifies nobody.
    """
    if "core.enterprise_identifier" not in query.tables or not code.isascii():
        return []
    claims = query(
        """SELECT uscc, is_disputed, any_value(identifier_kind_code) AS kind
        FROM core.enterprise_identifier WHERE identifier = ?
        GROUP BY uscc, is_disputed, year QUALIFY year = max(year) OVER () OR NOT max(is_disputed) OVER ()""",
        code,
    )  # fmt: skip
    claimants = sorted({claim["uscc"] for claim in claims})
    if any(claim["is_disputed"] for claim in claims):
        raise Disputed(code, claimants)
    rows = query(f"{_LAST} WHERE uscc IN (SELECT unnest(?)) GROUP BY uscc ORDER BY uscc", claimants)
    kinds = {claim["uscc"]: query.titles("identifier_kind", claim["kind"]) for claim in claims}
    return [{**row, "found_by": f"{kinds[row['uscc']]} {code}"} for row in rows]


def _unknown(query: Query, word: str) -> Unknown:
    code = as_code(word)
    if not is_code(code):
        nearest = _nearest(query, folded(word))
        said = "; ".join(f"{name} {uscc}" for uscc, name in nearest)
        return Unknown(f"no enterprise {word}; nearest: {said}", nearest)
    [known] = query("SELECT min(year) AS first, max(year) AS last FROM core.enterprise")
    where = f"the directories of {known['first']} to {known['last']} have no enterprise {code}"
    similar = _similar(query, code)
    said = "; ".join(f"{uscc} {name}" for uscc, name in similar) or "none"
    return Unknown(f"{where}: {doubt(code)}; similar codes: {said}", similar)


def _similar(query: Query, code: str) -> list[tuple[str, str]]:
    """Firms whose code differs by few mistakes; two characters in the wrong order are one mistake."""
    rows = query(
        f"""SELECT uscc, enterprise_name FROM ({_LAST} GROUP BY uscc)
        WHERE damerau_levenshtein(uscc, $1) <= {MOST_MISTAKES}
        ORDER BY damerau_levenshtein(uscc, $1), uscc LIMIT {NEAREST}""",
        code,
    )
    return [(r["uscc"], r["enterprise_name"]) for r in rows]


def _nearest(query: Query, name: str) -> list[tuple[str, str]]:
    """The most similar names, by shared pairs of characters; codes for the beginning of one."""
    if name.isascii() and len(name) >= 6:
        values, likeness = [name], "-damerau_levenshtein(uscc, $1)"
    else:
        values = list(dict.fromkeys([name, *(name[n : n + 2] for n in range(min(len(name), 40) - 1))]))
        shared = " + ".join(f"contains(enterprise_name, ${n})::INT" for n in range(1, len(values) + 1))
        likeness = f"{shared} DESC, jaro_winkler_similarity(enterprise_name, $1)"
    rows = query(
        f"SELECT uscc, enterprise_name FROM ({_LAST} GROUP BY uscc) ORDER BY {likeness} DESC, uscc LIMIT {NEAREST}",
        *values,
    )
    return [(r["uscc"], r["enterprise_name"]) for r in rows]


def _matches(query: Query, rows: Sequence[Row]) -> list[Match]:
    grades = {
        (r["uscc"], r["year"]): r["grade"]
        for r in query(
            """SELECT uscc, year, arg_max(final_grade, evaluation_version) AS grade FROM per_mu.enterprise_grade
            WHERE uscc IN (SELECT unnest(?)) GROUP BY ALL""",
            [r["uscc"] for r in rows],
        )
    }
    return [
        Match(
            r["uscc"], r["enterprise_name"], query.titles("district", r["district_code"]).zh,
            grades.get((r["uscc"], r["year"]), ""), r["year"], r.get("found_by", ""), r["district_code"],
            r["former_name"],
        )
        for r in rows
    ]  # fmt: skip


# --- who it is -----------------------------------------------------------------------------------------


def who(query: Query, uscc: str, year: str) -> Who:
    """The firm in a year; it must be in the directory of that year."""
    firm, figures = _firm(query, uscc, year), _figures(query, uscc, year)
    titles, feed_title = query.titles, query.dictionary.figure_or_feed
    size, end = profile.size_and_day(query, uscc, year)
    return Who(
        uscc=uscc,
        name=firm["enterprise_name"],
        former_name=firm["former_name"],
        district=titles("district", firm["district_code"]),
        town=titles.maybe("town", firm.get("town_code"))
        or titles.maybe("town_note", firm.get("town_note_code")),
        zone=titles.maybe("managing_zone", firm["managing_zone_code"]),
        industry=_industry(query, firm),
        is_above_scale=firm["is_above_scale"],
        size=size,
        directory_change=titles("directory_change", firm["directory_change_code"]),
        registered_date=firm["registered_date"],
        age_years=_full_years(firm["registered_date"], end or date(int(year), 12, 31)),
        registration=titles.maybe("registration_status", firm["registration_status_code"]),
        land_area_mu=figures.get("land_area_mu"),
        land_own_mu=figures.get("land_own_mu"),
        land_lease_mu=figures.get("land_lease_mu"),
        land_let_mu=figures.get("land_let_mu"),
        identity_flags=tuple(titles("identity_flag", code).in_line for code in firm["identity_flags"]),
        missing_feeds=tuple(map(feed_title, figures.get("missing_feeds") or ())),
        quarantined_feeds=tuple(map(feed_title, figures.get("quarantined_feeds") or ())),
        successor=successor(query, uscc),
    )


def name_of(query: Query, uscc: str, year: str) -> str:
    """The firm's name in a year; it must be in the directory of that year."""
    return str(_firm(query, uscc, year)["enterprise_name"])


def known_at(query: Query, uscc: str, year: str) -> date | None:
    """The day by which the platform had received the data of the firm's year; ``None`` if it is not recorded."""
    moment = _figures(query, uscc, year).get("known_at") or _firm(query, uscc, year)["known_at"]
    return moment.date() if moment is not None else None


def _firm(query: Query, uscc: str, year: str) -> Row:
    [firm] = rows_of_firm(query, "core.enterprise", uscc, year)
    return firm


def _figures(query: Query, uscc: str, year: str) -> Row:
    return row_of_firm(query, "core.enterprise_year", uscc, year, _FIGURES) or {}


def _industry(query: Query, firm: Row) -> Named | None:
    """The industry class, or the industry division if the release has no title for the class."""
    code, division = firm["industry_code"], firm["industry_division_code"]
    if division and not (code and query.titles.has("industry_class", code)):
        return query.titles("industry_division", division)
    return query.titles.maybe("industry_class", code)


def _full_years(start: date | None, end: date) -> int | None:
    """
    >>> _full_years(date(2000, 3, 1), date(2001, 2, 28)), _full_years(None, date(2001, 1, 1))
    (0, None)
    """
    if start is None or start > end:
        return None
    return end.year - start.year - ((end.month, end.day) < (start.month, start.day))
