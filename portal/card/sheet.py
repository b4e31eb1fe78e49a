"""One enterprise's sheet 企业画像卡: what a release knows of it, gathered from the release file alone.

The sheet goes with an official on a visit (走访单): who the firm is, its grade and why, five years, its places in the
chains, tags, scores beside its peers, and what would lift it. Amounts are in 万元, land in 亩. What a release or a firm
does not have is said in words, never shown as zero. :mod:`portal.card.screen` and :mod:`portal.card.page` show it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from schemas.coded import title
from schemas.contract import fields
from schemas.errors import UsageError
from warehouse import duck
from warehouse.releases import Release

Row = Mapping[str, Any]
#: ``query(sql, *values)``: rows of the release.
Query = Callable[..., list[dict[str, Any]]]
Section = Literal["grade", "trend", "lift", "chain", "profile", "tags", "score"]

#: Firms that a part of a name lists, and firms that are named when nothing matches.
MOST_MATCHES = 20
NEAREST = 3
YEARS = 5
#: Indicators that are named as the furthest behind the peers.
WEAKEST = 3
GRADES = "ABCD"
OUT = "OUT"

#: Tables that a section needs; the first one that a release lacks is named.
NEEDS: Mapping[Section, tuple[str, ...]] = {
    "chain": ("chain.node_enterprise", "chain.node", "chain.gap"),
    "profile": ("profile.enterprise_profile",),
    "tags": ("profile.enterprise_tag",),
    "score": ("profile.comprehensive_score",),
}
LISTS = (
    "district", "managing_zone", "industry_class", "industry_division", "registration_status", "directory_change",
    "per_mu_list", "eval_status", "unit_role", "grade", "grade_status", "indicator_note", "per_mu_indicator",
    "adjustment_effect", "penalty", "credit", "level", "size_class", "trend", "risk_level", "risk_reason",
    "chain", "chain_tier", "chain_state", "tag", "tag_kind", "evaluation_dimension", "peer_level",
    "identity_flag", "status_reason", "feed", "position_reason", "state_reason", "peer_group",
)  # fmt: skip


@dataclass(frozen=True)
class Named:
    """A code with its titles."""

    code: str
    zh: str
    en: str

    def __str__(self) -> str:
        return self.zh if self.zh == self.en else f"{self.zh} {self.en}"


@dataclass(frozen=True)
class Match:
    """A firm that a search found, as of its last year in the directory."""

    uscc: str
    enterprise_name: str
    district: str
    grade: str
    year: str


@dataclass(frozen=True)
class Who:
    """The firm in the year's directory; age in full years at the end of the year."""

    uscc: str
    name: str
    former_name: str | None
    district: Named
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
    identity_flags: tuple[str, ...]
    #: Feeds in which the firm has no row, and feeds of which a record of it is in quarantine.
    missing_feeds: tuple[str, ...]
    quarantined_feeds: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """How the firm stands in the evaluation of the year, graded or not."""

    list: Named
    status: Named
    reasons: tuple[str, ...]
    protected_until: date | None
    role: Named
    unit_uscc: str
    unit_name: str | None
    rule_set_id: str | None
    rule_set_title: str | None

    @property
    def is_own(self) -> bool:
        return self.role.code == "own"


@dataclass(frozen=True)
class Grade:
    """The grade of the year. Rank and percentile are the unit's: ahead of so many percent of its list, itself
    included; the city's are an estimate (测算)."""

    initial: Named
    final: Named
    status: Named
    reasons: tuple[str, ...]
    total_score: Decimal
    indicator_score: Decimal
    bonus_points: Decimal
    penalty_points: Decimal
    rank: int | None
    list_size: int
    percentile_pct: Decimal | None
    is_tie: bool
    rank_in_district: int | None
    city_rank: int | None
    city_size: int | None
    city_percentile_pct: Decimal | None


@dataclass(frozen=True)
class YearFigures:
    """A year of the firm; tax is all components on record, tax per mu the evaluated figure of its unit."""

    year: str
    output_wan_yuan: Decimal | None
    value_added_wan_yuan: Decimal | None
    tax_wan_yuan: Decimal | None
    tax_per_mu_wan_yuan: Decimal | None
    total_score: Decimal | None
    rank: int | None
    list_size: int | None
    grade: str | None
    status: Named | None


@dataclass(frozen=True)
class Indicator:
    """An indicator of the unit; a value at its baseline brings the weight, ``points_missing`` lack to that."""

    indicator: Named
    value: Decimal | None
    baseline: Decimal | None
    unit: str
    weight: Decimal
    score: Decimal
    points_missing: Decimal
    note: Named | None


@dataclass(frozen=True)
class Adjustment:
    """A veto, a protection, or points."""

    uscc: str
    kind: str
    effect: Named
    points: Decimal
    reason: str
    document: str | None


@dataclass(frozen=True)
class Lift:
    """What would lift the grade. ``points_missing`` is the total of the last unit that stands in the next grade by
    its place alone, less the own total: not above zero where something else than points holds the grade down."""

    indicators: tuple[Indicator, ...]
    next_grade: Named | None
    last_total: Decimal | None
    points_missing: Decimal | None
    vetoes: tuple[Adjustment, ...]
    others: tuple[Adjustment, ...]


@dataclass(frozen=True)
class Position:
    """A place in a chain: the part of the firm that stands in the node; node OUT is outside all chains."""

    chain: Named
    node: Named
    tier: Named | None
    share: Decimal
    confidence: Decimal
    is_confirmed: bool
    reasons: tuple[str, ...]
    override_reason: str | None
    state: Named | None
    state_reasons: tuple[str, ...]

    @property
    def is_out(self) -> bool:
        return self.node.code == OUT


@dataclass(frozen=True)
class Profile:
    """What the profile says beside the figures that stand elsewhere on the sheet."""

    period: str
    as_of: date | None
    trend: Named | None
    risk: Named | None
    risk_reasons: tuple[str, ...]
    completeness: Decimal | None


@dataclass(frozen=True)
class Tag:
    """A tag and the figures that gave it, in words."""

    tag: Named
    kind: Named
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Percentile:
    """A dimension's score among the peers, or an indicator's percentile: the share of peers at or below."""

    of: Named
    pct: Decimal | None


@dataclass(frozen=True)
class Score:
    """The comprehensive score beside the peers, and what moved it since the year before."""

    period: str
    peer_level: Named
    peers: str
    peer_count: int | None
    total: Decimal | None
    percentile_pct: Decimal | None
    rank: int | None
    city_rank: int | None
    city_size: int | None
    change: Decimal | None
    moved_by: Named | None
    moved_part: Decimal | None
    dimensions: tuple[Percentile, ...]
    #: The indicators in which the firm is furthest behind its peers, the furthest first.
    weakest: tuple[Percentile, ...]


@dataclass(frozen=True)
class Card:
    """The sheet. A section is ``None`` where the release has no tables for it, and empty where the firm has none;
    ``notes`` says why, by section."""

    release: int
    synthetic: str
    uscc: str
    year: str
    period: str
    known_at: date | None
    is_latest_year: bool
    who: Who
    standing: Standing | None
    grade: Grade | None
    trend: tuple[YearFigures, ...]
    lift: Lift | None
    positions: tuple[Position, ...] | None
    profile: Profile | None
    tags: tuple[Tag, ...] | None
    score: Score | None
    notes: Mapping[Section, str]
    #: Sections for which the release has no tables.
    left_out: tuple[Section, ...]


def as_row(card: Card) -> dict[str, Any]:
    """The sheet as one object, for programs."""
    return asdict(card)


# --- finding a firm ------------------------------------------------------------------------------------


@contextmanager
def reading(release: Release) -> Iterator[Query]:
    """Ask a release's file."""
    with duck.connect(release.file, read_only=True) as connection:
        yield lambda sql, *values: duck.fetch(connection, bound(sql, *values))


def bound(sql: str, *values: str | Sequence[str]) -> str:
    """A statement with texts and lists of texts in the place of ``?`` or ``$1``.

    DuckDB would import pandas to bind a value, which takes longer than all that is asked of the release.

    >>> bound("SELECT ? IN (SELECT unnest(?))", "it's", ["a", "b"])
    "SELECT 'it''s' IN (SELECT unnest(['a', 'b']))"
    >>> bound("SELECT $2, $1", "$2", "?")
    "SELECT '?', '$2'"
    """
    texts = [
        duck.literal(v) if isinstance(v, str) else f"[{', '.join(map(duck.literal, v))}]" for v in values
    ]
    following = iter(texts)
    return re.sub(r"\$(\d+)|\?", lambda m: texts[int(m[1]) - 1] if m[1] else next(following), sql)


#: Every firm as of its last year in the directory.
_LAST = """
    SELECT uscc, max(year) AS year, arg_max(enterprise_name, year) AS enterprise_name,
        arg_max(district_code, year) AS district_code
    FROM core.enterprise"""


def find(query: Query, word: str) -> tuple[list[Match], int]:
    """Firms whose code is the word, else those whose code or name, today's or a former one, has it as a part.

    Names that begin with the word come first; at most :data:`MOST_MATCHES`, and how many there are.

    Raises:
        UsageError: there is none; the line names the nearest.
    """
    word = word.strip()
    if not word:
        raise UsageError("give a credit code, or a part of a name: ./brain card 9133…")
    if exact := query(f"{_LAST} WHERE uscc = ? GROUP BY uscc", word.upper()):
        return _matches(query, exact), 1
    if behind := _identified(query, word):
        return _matches(query, behind), len(behind)
    found = query(
        f"""{_LAST} WHERE contains(uscc, upper($1)) OR contains(upper(enterprise_name), upper($1))
            OR contains(upper(former_name), upper($1)) GROUP BY uscc
        ORDER BY NOT starts_with(upper(arg_max(enterprise_name, year)), upper($1)), uscc""",
        word,
    )
    if not found:
        raise UsageError(f"no enterprise {word}; nearest: {'; '.join(_nearest(query, word))}")
    return _matches(query, found[:MOST_MATCHES]), len(found)


def _identified(query: Query, code: str) -> list[dict[str, Any]]:
    """The firms behind a code of another kind: former credit code, registration number, organisation code."""
    if "core.enterprise_identifier" not in _tables(query) or not code.isascii():
        return []
    return query(
        f"""{_LAST} WHERE uscc IN (SELECT uscc FROM core.enterprise_identifier
            WHERE identifier = ? AND NOT is_disputed) GROUP BY uscc ORDER BY uscc""",
        code.upper(),
    )


def _nearest(query: Query, word: str) -> list[str]:
    """Names and codes that are most like the word: codes by edits, names by the pairs of characters they share."""
    if word.isascii() and len(word) >= 6:
        values, likeness = [word.upper()], "-levenshtein(uscc, $1)"
    else:
        values = list(dict.fromkeys([word, *(word[n : n + 2] for n in range(min(len(word), 40) - 1))]))
        shared = " + ".join(f"contains(enterprise_name, ${n})::INT" for n in range(1, len(values) + 1))
        likeness = f"{shared} DESC, jaro_winkler_similarity(enterprise_name, $1)"
    rows = query(
        f"SELECT uscc, enterprise_name FROM ({_LAST} GROUP BY uscc) ORDER BY {likeness} DESC, uscc LIMIT {NEAREST}",
        *values,
    )
    return [f"{r['enterprise_name']} {r['uscc']}" for r in rows]


def _matches(query: Query, rows: Sequence[Row]) -> list[Match]:
    grades = {
        (r["uscc"], r["year"]): r["grade"]
        for r in query(
            """SELECT uscc, year, arg_max(final_grade, evaluation_version) AS grade FROM per_mu.enterprise_grade
            WHERE uscc IN (SELECT unnest(?)) GROUP BY ALL""",
            [r["uscc"] for r in rows],
        )
    }
    titles = _Titles(query)
    return [
        Match(
            r["uscc"], r["enterprise_name"], titles("district", r["district_code"]).zh,
            grades.get((r["uscc"], r["year"]), ""), r["year"],
        )
        for r in rows
    ]  # fmt: skip


# --- gathering -----------------------------------------------------------------------------------------


class _Titles:
    """Titles of codes as the release has them; of a list that it does not have, the platform's."""

    def __init__(self, query: Query) -> None:
        rows = query("SELECT * FROM release.code WHERE list_contains(?, list)", LISTS)
        self._rows = {(r["list"], r["code"]): r for r in rows}

    def __call__(self, list_name: str, code: str) -> Named:
        if row := self._rows.get((list_name, code)):
            return Named(code, row["zh"], row["en"] or row["zh"])
        given = title(list_name, code)
        return Named(code, given.zh, given.en)

    def maybe(self, list_name: str, code: str | None) -> Named | None:
        return self(list_name, code) if code else None

    def has(self, list_name: str, code: str) -> bool:
        return (list_name, code) in self._rows


def gather(query: Query, number: int, uscc: str, year: str | None = None) -> Card:
    """The sheet of a firm for a year, its last one in the directory when none is given.

    Raises:
        UsageError: the firm is not in the directory of that year.
    """
    firms = query("SELECT * FROM core.enterprise WHERE uscc = ? ORDER BY year", uscc)
    if not firms:
        raise UsageError(f"no enterprise {uscc}; nearest: {'; '.join(_nearest(query, uscc))}")
    year = year or firms[-1]["year"]
    firm = next((f for f in firms if f["year"] == year), None)
    if firm is None:
        years = ", ".join(f["year"] for f in firms)
        raise UsageError(f"{firm_name(firms[-1])} is not in the directory of {year}; it is in {years}")
    return _Gathering(query, number, firm).card()


def firm_name(row: Row) -> str:
    return f"{row['enterprise_name']} {row['uscc']}"


def _tables(query: Query) -> set[str]:
    return {
        r["name"]
        for r in query("SELECT table_schema || '.' || table_name AS name FROM information_schema.tables")
    }


class _Gathering:
    """One firm, one year: each section by its own statements."""

    def __init__(self, query: Query, number: int, firm: Row) -> None:
        self.query = query
        self.number = number
        self.firm = firm
        self.uscc: str = firm["uscc"]
        self.year: str = firm["year"]
        self.titles = _Titles(query)
        self.tables = _tables(query)
        self.notes: dict[Section, str] = {}
        self._dictionary: dict[str, tuple[str, str]] = {}

    def card(self) -> Card:
        [latest] = self.query("SELECT max(year) AS year FROM core.enterprise")
        figures = self._figures()
        standing = self._standing()
        grade_row = self._grade_row(self.uscc, self.year)
        profile_row = self._profile_row()
        synthetic = self.query(
            "SELECT any_value(value) AS text FROM release.info WHERE key = 'scope_zh' AND value <> ''"
        )
        return Card(
            release=self.number,
            synthetic="合成数据 Synthetic data" if synthetic[0]["text"] else "",
            uscc=self.uscc,
            year=self.year,
            period=profile_row["period"] if profile_row else self.year,
            known_at=_day(figures.get("known_at") or self.firm["known_at"]),
            is_latest_year=latest["year"] == self.year,
            who=self._who(figures, profile_row),
            standing=standing,
            grade=self._grade(grade_row, standing),
            trend=self._trend(),
            lift=self._lift(grade_row, standing),
            positions=self._positions(),
            profile=self._profile(profile_row),
            tags=self._tags(),
            score=self._score(),
            notes=self.notes,
            left_out=tuple(section for section, names in NEEDS.items() if not self.tables.issuperset(names)),
        )

    def _has(self, section: Section) -> bool:
        """Whether the release has a section's tables."""
        return self.tables.issuperset(NEEDS[section])

    def _figures(self) -> Row:
        rows = self.query(
            "SELECT * FROM core.enterprise_year WHERE uscc = ? AND year = ?", self.uscc, self.year
        )
        return rows[0] if rows else {}

    # --- who ---

    def _who(self, figures: Row, profile: Row | None) -> Who:
        f, t = self.firm, self.titles
        code, division = f["industry_code"], f["industry_division_code"]
        industry = t("industry_class", code) if code and t.has("industry_class", code) else None
        return Who(
            uscc=self.uscc,
            name=f["enterprise_name"],
            former_name=f["former_name"],
            district=t("district", f["district_code"]),
            zone=t.maybe("managing_zone", f["managing_zone_code"]),
            industry=industry
            or (t("industry_division", division) if division else t.maybe("industry_class", code)),
            is_above_scale=f["is_above_scale"],
            size=t.maybe("size_class", (profile or {}).get("size_class_code")),
            directory_change=t("directory_change", f["directory_change_code"]),
            registered_date=f["registered_date"],
            age_years=_full_years(f["registered_date"], self._end(profile)),
            registration=t.maybe("registration_status", f["registration_status_code"]),
            land_area_mu=figures.get("land_area_mu"),
            land_own_mu=figures.get("land_own_mu"),
            land_lease_mu=figures.get("land_lease_mu"),
            land_let_mu=figures.get("land_let_mu"),
            identity_flags=tuple(_in_line(t("identity_flag", code)) for code in f["identity_flags"]),
            missing_feeds=tuple(map(self._thing, figures.get("missing_feeds") or ())),
            quarantined_feeds=tuple(map(self._thing, figures.get("quarantined_feeds") or ())),
        )

    def _end(self, profile: Row | None) -> date:
        return (profile or {}).get("as_of_date") or date(int(self.year), 12, 31)

    # --- grade ---

    def _standing(self) -> Standing | None:
        rows = self.query("SELECT * FROM per_mu.population WHERE uscc = ? AND year = ?", self.uscc, self.year)
        if not rows:
            self.notes["grade"] = f"{self.year} 年不在参评名单 not in the population of the evaluation"
            return None
        p, t = rows[0], self.titles
        unit = self.query(
            "SELECT enterprise_name FROM core.enterprise WHERE uscc = ? AND year = ?",
            p["evaluation_uscc"],
            self.year,
        )
        rules = self.query("SELECT title_zh FROM release.rule_set WHERE rule_set_id = ?", p["rule_set_id"])
        return Standing(
            list=t("per_mu_list", p["list_code"]),
            status=t("eval_status", p["eval_status_code"]),
            reasons=tuple(self._status_reason(code) for code in p["status_reasons"]),
            protected_until=p["protected_until_date"],
            role=t("unit_role", p["unit_role_code"]),
            unit_uscc=p["evaluation_uscc"],
            unit_name=unit[0]["enterprise_name"] if unit else None,
            rule_set_id=p["rule_set_id"],
            rule_set_title=rules[0]["title_zh"] if rules else None,
        )

    def _status_reason(self, code: str) -> str:
        kind, _, rest = code.partition(":")
        if kind == "registration":
            return f"登记状态 registration: {self.titles('registration_status', rest)}"
        if kind == "industry":
            lists = ("industry_division",) if len(rest) == 2 else ("industry_class",)
            return f"免评行业 exempt industry: {self.titles(lists[0], rest).zh} {rest}"
        if kind in _STATUS_KINDS:
            return f"{_STATUS_KINDS[kind]}: {self._thing(rest)}"
        return _in_line(self.titles("status_reason", code))

    def _thing(self, name: str) -> str:
        """Title of a figure or a feed, from the release's dictionary."""
        if name in _FEED_TITLES:
            return _FEED_TITLES[name]
        if "." not in name and name.startswith(("gov_", "ent_")):
            from schemas.contract import contracts

            spec = contracts().get(f"raw.{name}")
            return f"{spec.title.zh} {spec.title.en}" if spec else name
        return self._column(name)[0]

    def _column(self, name: str) -> tuple[str, str]:
        """A column's title and unit, from the release's dictionary."""
        if not self._dictionary:
            rows = self.query("SELECT DISTINCT column_name, title_zh, unit FROM release.dictionary")
            self._dictionary = {r["column_name"]: (r["title_zh"], r["unit"] or "") for r in rows}
        return self._dictionary.get(name, (name, ""))

    def _grade_row(self, uscc: str, year: str) -> Row | None:
        rows = self.query(
            """SELECT * FROM per_mu.enterprise_grade WHERE uscc = ? AND year = ?
            ORDER BY evaluation_version DESC LIMIT 1""",
            uscc, year,
        )  # fmt: skip
        return rows[0] if rows else None

    def _grade(self, row: Row | None, standing: Standing | None) -> Grade | None:
        from jobs.per_mu.reasons import told_reason

        if row is None:
            if standing:
                self.notes["grade"] = _joined(f"{standing.status}", standing.reasons)
            return None
        t = self.titles
        # who follows a holder has no place of its own: the holder's is shown
        unit = row if row["rank_in_list"] else self._grade_row(row["evaluation_uscc"], self.year) or row
        city = self.query(
            "SELECT * FROM per_mu.city_rank WHERE uscc = ? AND year = ?", row["evaluation_uscc"], self.year
        )
        found: Row = city[0] if city else {}
        rank, size = unit["rank_in_list"], unit["list_size"]
        return Grade(
            initial=t("grade", row["initial_grade"]),
            final=t("grade", row["final_grade"]),
            status=t("grade_status", row["status_code"]),
            reasons=tuple(told_reason(code) for code in row["grade_reasons"]),
            total_score=row["total_score"],
            indicator_score=row["indicator_score"],
            bonus_points=row["bonus_points"],
            penalty_points=row["penalty_points"],
            rank=rank,
            list_size=size,
            percentile_pct=_pct(size - rank + 1, size) if rank and size else None,
            is_tie=row["is_tie"],
            rank_in_district=unit["rank_in_district"],
            city_rank=found.get("city_rank"),
            city_size=found.get("list_size"),
            city_percentile_pct=found.get("percentile_pct"),
        )

    # --- five years ---

    def _trend(self) -> tuple[YearFigures, ...]:
        columns = {
            r["column_name"]
            for r in self.query(
                "SELECT column_name FROM information_schema.columns "
                "WHERE table_schema = 'core' AND table_name = 'enterprise_year'"
            )
        }
        taxes = [c for c in sorted(columns) if c.startswith("tax_") and c != "tax_paid_stat_wan_yuan"]
        total = " + ".join(f"coalesce({c}, 0)" for c in taxes)
        figures = self.query(
            f"""SELECT year, output_wan_yuan, value_added_wan_yuan,
                CASE WHEN coalesce({", ".join(taxes)}) IS NOT NULL THEN {total} END AS tax
            FROM core.enterprise_year WHERE uscc = ? AND year <= ? ORDER BY year DESC LIMIT {YEARS}""",
            self.uscc, self.year,
        )  # fmt: skip
        population = {
            r["year"]: r
            for r in self.query(
                "SELECT year, evaluation_uscc, eval_status_code FROM per_mu.population WHERE uscc = ?",
                self.uscc,
            )
        }
        units = [self.uscc, *(p["evaluation_uscc"] for p in population.values())]
        grades = {
            (r["uscc"], r["year"]): r
            for r in self.query(
                """SELECT uscc, year, total_score, rank_in_list, list_size, final_grade FROM per_mu.enterprise_grade
                WHERE uscc IN (SELECT unnest(?)) ORDER BY evaluation_version""",
                units,
            )
        }
        per_mu = {
            (r["uscc"], r["year"]): r["value"]
            for r in self.query(
                """SELECT uscc, year, value FROM per_mu.indicator_value
                WHERE indicator_code = 'I1' AND uscc IN (SELECT unnest(?))""",
                units,
            )
        }
        return tuple(
            self._year_figures(r, population.get(r["year"], {}), grades, per_mu) for r in reversed(figures)
        )

    def _year_figures(
        self,
        figures: Row,
        population: Row,
        grades: Mapping[tuple[str, str], Row],
        per_mu: Mapping[tuple[str, str], Decimal],
    ) -> YearFigures:
        year, unit = figures["year"], population.get("evaluation_uscc", self.uscc)
        own: Row = grades.get((self.uscc, year), {})
        return YearFigures(
            year=year,
            output_wan_yuan=figures["output_wan_yuan"],
            value_added_wan_yuan=figures["value_added_wan_yuan"],
            tax_wan_yuan=figures["tax"],
            tax_per_mu_wan_yuan=per_mu.get((unit, year)),
            total_score=own.get("total_score"),
            # who follows a holder has no place of its own
            rank=grades.get((unit, year), {}).get("rank_in_list") if own else None,
            list_size=own.get("list_size"),
            grade=own.get("final_grade"),
            status=self.titles.maybe("eval_status", population.get("eval_status_code")),
        )

    # --- what would lift it ---

    def _lift(self, row: Row | None, standing: Standing | None) -> Lift | None:
        if row is None or standing is None:
            self.notes["lift"] = "无等级，无可比 without a grade there is nothing to lift"
            return None
        if not standing.is_own:
            self.notes["lift"] = (
                f"指标为宗地主的 the indicators are the holder's: {standing.unit_name or ''} {standing.unit_uscc}"
            )
        place = GRADES.index(row["final_grade"])
        following = GRADES[place - 1] if place else None
        last = self._last_total(row, following) if following else None
        adjustments = self._adjustments(row)
        return Lift(
            indicators=self._indicators(row["evaluation_uscc"]),
            next_grade=self.titles.maybe("grade", following),
            last_total=last,
            points_missing=last - row["total_score"] if last is not None else None,
            vetoes=tuple(a for a in adjustments if a.kind == "veto"),
            others=tuple(a for a in adjustments if a.kind != "veto"),
        )

    def _last_total(self, row: Row, grade: str) -> Decimal | None:
        """Least total among the units of the list whose place alone, or a refilled one, gives them the grade."""
        [found] = self.query(
            """SELECT min(total_score) AS total FROM (
                FROM per_mu.enterprise_grade WHERE year = $1 AND district_code = $2 AND list_code = $3
                QUALIFY evaluation_version = max(evaluation_version) OVER (PARTITION BY uscc))
            WHERE rank_in_list IS NOT NULL
                AND final_grade = $4 AND (initial_grade = $4 OR grade_reasons = ['refill'])""",
            row["year"], row["district_code"], self._list_of_unit(row), grade,
        )  # fmt: skip
        total: Decimal | None = found["total"]
        return total

    def _list_of_unit(self, row: Row) -> str:
        unit = row if row["rank_in_list"] else self._grade_row(row["evaluation_uscc"], row["year"]) or row
        return str(unit["list_code"])

    def _indicators(self, unit: str) -> tuple[Indicator, ...]:
        """The unit's indicators, those that lack the most points first."""
        from jobs.per_mu.rules import indicator_definitions

        definitions = indicator_definitions()
        rows = self.query(
            """SELECT *, greatest(weight - score, 0) AS points_missing FROM per_mu.indicator_value
            WHERE uscc = ? AND year = ? ORDER BY points_missing DESC, weight DESC, indicator_code""",
            unit, self.year,
        )  # fmt: skip
        return tuple(
            Indicator(
                indicator=self.titles("per_mu_indicator", r["indicator_code"]),
                value=r["value"],
                baseline=r["baseline"],
                unit=definitions[r["indicator_code"]].unit if r["indicator_code"] in definitions else "",
                weight=r["weight"],
                score=r["score"],
                points_missing=r["points_missing"],
                note=self.titles.maybe("indicator_note", r["note_code"]),
            )
            for r in rows
        )

    def _adjustments(self, row: Row) -> list[Adjustment]:
        """Vetoes, protections and points of the firm, and where it follows a holder of that one too."""
        rows = self.query(
            """SELECT * FROM per_mu.adjustment WHERE year = ? AND uscc IN (SELECT unnest(?))
            ORDER BY uscc <> ?, points, adjustment_code, event_id""",
            self.year, [row["uscc"], row["evaluation_uscc"]], row["uscc"],
        )  # fmt: skip
        return [
            Adjustment(
                r["uscc"], r["adjustment_kind_code"], self.titles("adjustment_effect", r["effect_code"]),
                r["points"], r["reason_zh"], r["document_code"],
            )
            for r in rows
        ]  # fmt: skip

    # --- chains ---

    def _positions(self) -> tuple[Position, ...] | None:
        if not self._has("chain"):
            return None
        rows = self.query(
            """SELECT e.*, n.node_name_zh, n.node_name_en, g.state_code, g.state_reasons
            FROM chain.node_enterprise e
            LEFT JOIN chain.node n ON n.node_code = e.node_code AND n.year = e.year
            LEFT JOIN chain.gap g ON g.node_code = e.node_code AND g.year = e.year
            WHERE e.uscc = ? AND e.year = ? AND e.position_share > 0
            ORDER BY e.node_code = 'OUT', e.position_share DESC, e.confidence DESC, e.node_code""",
            self.uscc, self.year,
        )  # fmt: skip
        if not rows:
            self.notes["chain"] = f"{self.year} 年无环节定位 no position in {self.year}"
        elif all(r["node_code"] == OUT for r in rows):
            self.notes["chain"] = "不在十条产业链内 outside the ten chains"
        return tuple(self._position(r) for r in rows)

    def _position(self, r: Row) -> Position:
        t, code = self.titles, r["node_code"]
        outside = Named(OUT, "链外", "Outside the chains")
        return Position(
            chain=outside if r["chain_code"] == OUT else t("chain", r["chain_code"]),
            node=outside
            if code == OUT
            else Named(code, r["node_name_zh"] or code, r["node_name_en"] or code),
            tier=t.maybe("chain_tier", r["tier_code"]),
            share=r["position_share"],
            confidence=r["confidence"],
            is_confirmed=r["is_confirmed"],
            reasons=tuple(t("position_reason", code).zh for code in r["position_reasons"]),
            override_reason=r["override_reason"],
            state=t.maybe("chain_state", r["state_code"]),
            state_reasons=tuple(
                t("state_reason", code).zh for code in r["state_reasons"] or () if code != "no_rule_holds"
            ),
        )

    # --- profile, tags, score ---

    def _of_period(self, section: Section) -> list[dict[str, Any]]:
        """Rows of the latest period of the year: its last month, else the year itself."""
        table = NEEDS[section][0]
        return self.query(
            f"""FROM {table} WHERE uscc = $1 AND period = (
                SELECT max(period) FROM {table} WHERE uscc = $1 AND period[:4] = $2)""",
            self.uscc, self.year,
        )  # fmt: skip

    def _profile_row(self) -> Row | None:
        if not self._has("profile"):
            return None
        rows = self._of_period("profile")
        if not rows:
            self.notes["profile"] = f"{self.year} 年无画像 no profile of {self.year}"
        return rows[0] if rows else None

    def _profile(self, row: Row | None) -> Profile | None:
        if row is None:
            return None
        t = self.titles
        return Profile(
            period=row["period"],
            as_of=row["as_of_date"],
            trend=t.maybe("trend", row["trend_code"]),
            risk=t.maybe("risk_level", row["risk_level_code"]),
            risk_reasons=tuple(t("risk_reason", code).zh for code in row["risk_reasons"] or ()),
            completeness=row["profile_completeness"],
        )

    def _tags(self) -> tuple[Tag, ...] | None:
        if not self._has("tags"):
            return None
        rows = self._of_period("tags")
        if not rows:
            self.notes["tags"] = f"{self.year} 年无标签 no tags in {self.year}"
        rows.sort(key=lambda r: (_place_of_kind(r["tag_kind_code"]), r["tag_code"]))
        return tuple(
            Tag(
                self.titles("tag", r["tag_code"]),
                self.titles("tag_kind", r["tag_kind_code"]),
                tuple(map(self._evidence, r["tag_evidence"])),
            )
            for r in rows
        )

    def _evidence(self, given: str) -> str:
        """``field=value`` in words: title, value and unit, codes by their titles."""
        name, _, value = given.partition("=")
        title, unit = self._column(name)
        if value == "true":
            return title
        if name in fields() and (codes := fields()[name].domain.codes):
            value = "、".join(self.titles(codes, code.strip()).zh for code in value.strip("[]").split(","))
        return f"{title} {_plain(value)}{unit}"

    def _score(self) -> Score | None:
        if not self._has("score"):
            return None
        rows = self._of_period("score")
        if not rows:
            why = "" if self.firm["is_above_scale"] else "，只评规上企业 only firms above scale are scored"
            self.notes["score"] = f"{self.year} 年无综合评价 no score of {self.year}{why}"
            return None
        r, t = rows[0], self.titles
        if r["comprehensive_score"] is None:
            gone = "、".join(t("evaluation_dimension", code).zh for code in r["missing_dimensions"])
            self.notes["score"] = f"无总分，缺维度太多 no total, too many dimensions are missing: {gone}"
        dimensions = [
            c.removesuffix("_score") for c in r if t.has("evaluation_dimension", c.removesuffix("_score"))
        ]
        percentiles = [given.partition("=") for given in r["indicator_percentiles"]]
        behind = sorted((Decimal(value), name) for name, _, value in percentiles)[:WEAKEST]
        return Score(
            period=r["period"],
            peer_level=t("peer_level", r["peer_level_code"]),
            peers=t("peer_group", r["peer_group"]).zh,
            peer_count=r["peer_count"],
            total=r["comprehensive_score"],
            percentile_pct=r["peer_percentile_pct"],
            rank=r["rank_in_peers"],
            city_rank=r["rank_in_city"],
            city_size=r["scored_count"],
            change=r["score_change"],
            moved_by=t.maybe("evaluation_dimension", r["change_dimension_code"]),
            moved_part=r["change_part"],
            dimensions=tuple(Percentile(t("evaluation_dimension", c), r[f"{c}_score"]) for c in dimensions),
            weakest=tuple(
                Percentile(Named(name, title, title), value)
                for value, name in behind
                for title in (self._column(name)[0],)
            ),
        )


#: What a visitor has to know first.
_KINDS = (
    "watch",
    "credit",
    "chain",
    "growth",
    "honour",
    "innovation",
    "evaluation",
    "market",
    "resource",
    "scale",
)
_STATUS_KINDS = {"missing": "缺 missing", "zero": "为零 zero", "quarantined": "隔离 quarantined"}
#: Feeds that stand for several in the tables.
_FEED_TITLES = {
    "gov_statistics": "统计年报与月报 statistics",
    "tax_contribution": "税收实际贡献 tax contribution",
}


def _place_of_kind(kind: str) -> int:
    return _KINDS.index(kind) if kind in _KINDS else len(_KINDS)


def _in_line(named: Named) -> str:
    """Both titles within a line.

    >>> _in_line(Named("renamed", "已更名", "Renamed"))
    '已更名 renamed'
    """
    return f"{named.zh} {named.en[:1].lower()}{named.en[1:]}"


def _plain(value: str) -> str:
    """A figure in a text without idle zeros, thousands apart; other texts as they are.

    >>> _plain("12345.500000"), _plain("2023")
    ('12,345.5', '2023')
    """
    head, point, tail = value.partition(".")
    if not point or not head.lstrip("-").isdigit() or not tail.isdigit():
        return value
    return f"{Decimal(value):,f}".rstrip("0").rstrip(".")


def _joined(head: str, parts: Sequence[str]) -> str:
    return f"{head}：{'；'.join(parts)}" if parts else head


def _pct(part: int, whole: int) -> Decimal:
    """A share in percent, one digit, rounded half up.

    >>> _pct(1, 8)
    Decimal('12.5')
    """
    return (Decimal(100 * part) / whole).quantize(Decimal("0.1"), ROUND_HALF_UP)


def _full_years(start: date | None, end: date) -> int | None:
    """
    >>> _full_years(date(2000, 3, 1), date(2001, 2, 28)), _full_years(None, date(2001, 1, 1))
    (0, None)
    """
    if start is None or start > end:
        return None
    return end.year - start.year - ((end.month, end.day) < (start.month, start.day))


def _day(value: Any) -> date | None:
    return value.date() if value is not None else None
