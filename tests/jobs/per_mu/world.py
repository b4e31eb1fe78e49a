"""Small worlds for the per-mu evaluation: districts with their rules and firms, evaluated in one run.

A case registers its district when its module is imported. The fixture ``evaluated`` runs the jobs once over all
districts, which also shows that districts and years do not affect each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jobs.per_mu.adjustment import adjustment
from jobs.per_mu.baseline import baseline
from jobs.per_mu.city_rank import city_rank
from jobs.per_mu.district_summary import district_summary
from jobs.per_mu.enterprise_grade import enterprise_grade
from jobs.per_mu.indicator_value import indicator_value
from jobs.per_mu.land_review import land_review
from jobs.per_mu.population import population
from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.models import RuleSet
from jobs.per_mu.rules.reading import RULE_SETS, parse_rule_set
from jobs.per_mu.unit import unit
from schemas.contract import contract
from schemas.definition import read_mapping
from schemas.errors import RejectedError
from tests.frames import DEFAULTS, frame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Row = dict[str, Any]
LISTS = ("above_scale", "below_scale_ge3", "below_scale_lt3", "tenant")


def indicator(
    weight: str,
    baseline: str | Row = "100",
    missing: str = "data_incomplete",
    withheld: str = "as_missing",
    **more: Any,
) -> Row:
    """An indicator; a baseline given as text is a published figure."""
    given = {"method": "fixed", "value": baseline} if isinstance(baseline, str) else baseline
    return {"weight": weight, "baseline": given, "missing": missing, "withheld": withheld, **more}


def every_list(**indicators: Row) -> Row:
    return {code: {"indicators": indicators} for code in LISTS}


def every_list_of(groups: Mapping[str, list[str]], **indicators: Row) -> Row:
    """Lists that are ranked by groups of industries."""
    titled = {name: {"title": {"zh": "组", "en": "group"}, "industries": i} for name, i in groups.items()}
    return {code: {"indicators": indicators, "groups": titled} for code in LISTS}


def quota(a: str = "0.2", b: str = "0.4", d: str = "0.2", rounding: str = "floor", **more: Any) -> Row:
    c = 100 - sum(round(float(share) * 100) for share in (a, b, d))
    shares = {"A": a, "B": b, "C": f"{c / 100}", "D": d}
    return {"shares": shares, "rounding": dict.fromkeys("ABD", rounding), **more}


#: A firm's points are its tax per mu (万元/亩): the baseline is 100 and the weight is 100.
PLAIN: Row = {
    "title": {"zh": "测试", "en": "Test"},
    "source": "测试",
    "lists": every_list(I1=indicator("100")),
    "tax_components": ["vat"],
    "tenants": {"mode": "separate"},
    "quota": quota(),
}


def rule_set(district: str, year: str, **changes: Any) -> RuleSet:
    name = f"r{district}-{year}"
    return parse_rule_set(
        f"{name}.yml", {**PLAIN, "id": name, "year": year, "district_codes": [district], **changes}
    )


def firm(name: str, points: Any = 0, **given: Any) -> Row:
    """A firm above scale on one mu of its own: with the plain rules its tax (万元) is its score."""
    land = given.get("land_area_mu", "1")
    return {
        "uscc": name, "year": "2023", "tax_vat_wan_yuan": points, "land_area_mu": land, "land_own_mu": land,
        "industry_code": "3670", "industry_division_code": "36", "is_above_scale": True,
        "directory_change_code": "none", "registered_date": date(2010, 1, 1),
        "registration_status_code": "active", "missing_feeds": [], "quarantined_feeds": [], **given,
    }  # fmt: skip


def small(name: str, points: Any = 0, **given: Any) -> Row:
    return firm(name, points, **{"is_above_scale": False, **given})


def tenant(name: str, points: Any = 0, holder: str | None = None, **given: Any) -> Row:
    """A small firm that rents all its land, one mu, from the holder."""
    return small(name, points, **{"land_own_mu": None, "rents_from": holder, **given})


def event(name: str, kind: str, code: str, level: str | None = None, **given: Any) -> Row:
    return {
        "uscc": name, "event_kind_code": kind, "event_code": code, "level_code": level, "year": "2023",
        "event_date": date(2023, 5, 1), "valid_until_date": None, **given,
    }  # fmt: skip


def veto(name: str, code: str = "safety_fatal", **given: Any) -> Row:
    return event(name, "accident", code, **given)


@dataclass
class World:
    """All input tables, with rule sets by district and year."""

    firms: list[Row] = field(default_factory=list)
    parcels: list[Row] = field(default_factory=list)
    uses: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    rule_sets: list[RuleSet] = field(default_factory=list)
    cities: int = 0

    def district(
        self,
        *firms: Row,
        rule: Row | None = None,
        rules: Mapping[str, Row] | None = None,
        shipped: tuple[RuleSet, ...] = (),
        parcels: Iterable[Row] = (),
        uses: Iterable[Row] = (),
        events: Iterable[Row] = (),
    ) -> str:
        """Register a district and return its code; firm names are local to the district.

        ``rule`` applies to 2023, ``rules`` to the years it names; both give the differences from the plain rules.
        ``shipped`` gives complete rule sets instead, with their own district.
        """
        self.cities += 1
        code = f"99{self.cities:04}"
        self.rule_sets += shipped
        for own in shipped:
            [code] = own.district_codes
        if not shipped:
            for year, changes in (rules or {"2023": rule or {}}).items():
                self.rule_sets.append(rule_set(code, year, **changes))

        def full(name: str | None) -> str | None:
            return name if name is None else f"{code}-{name}"

        for given in firms:
            row = {**given, "uscc": full(given["uscc"]), "district_code": code}
            rents_from = row.pop("rents_from", None)
            self.firms.append(row)
            if rents_from is not None:
                parcel = {"parcel_id": f"of {rents_from}", "owner_uscc": rents_from, "year": row["year"]}
                use = {"parcel_id": f"of {rents_from}", "uscc": given["uscc"], "lessor_uscc": rents_from}
                parcels = [*parcels, *([] if parcel in parcels else [parcel])]
                uses = [*uses, {**use, "used_area_mu": row["land_area_mu"], "year": row["year"]}]
        for row in parcels:
            self.parcels.append(
                {
                    "year": "2023", "supply_mode_code": "granted", "acquired_date": date(2000, 1, 1),
                    "completion_due_date": None, "parcel_area_mu": "100", "district_code": code, **row,
                    "parcel_id": full(row["parcel_id"]), "owner_uscc": full(row["owner_uscc"]),
                }
            )  # fmt: skip
        for row in uses:
            self.uses.append(
                {
                    "year": "2023", "use_type_code": "lease", "district_code": code, "parcel_area_mu": "100",
                    **row, "parcel_id": full(row["parcel_id"]), "uscc": full(row["uscc"]),
                    "lessor_uscc": full(row.get("lessor_uscc")),
                }
            )  # fmt: skip
        for number, row in enumerate(events):
            ident = row.get("event_id", f"e{number}")
            self.events.append({**row, "uscc": full(row["uscc"]), "event_id": f"{code}-{ident}"})
        return code

    def book(self) -> RuleBook:
        return RuleBook(self.rule_sets)

    def plain_rules(self) -> dict[tuple[str, str], Row]:
        """Rule sets as plain mappings, the oracle's form."""
        return {
            (code, r.year): r.model_dump(mode="json") for r in self.rule_sets for code in r.district_codes
        }

    def plain_firms(self) -> list[Row]:
        """Firms with the defaults that the frames fill in."""
        columns = contract("core.enterprise").column_names
        defaults = {k: v for k, v in DEFAULTS.items() if k in columns}
        return [{**defaults, **row} for row in self.firms]

    def frames(self, spark: SparkSession) -> dict[str, DataFrame]:
        return {
            "enterprise": frame(spark, "core.enterprise", self.firms),
            "enterprise_year": frame(spark, "core.enterprise_year", self.firms),
            "parcel": frame(spark, "core.parcel", self.parcels),
            "parcel_use": frame(spark, "core.parcel_use", self.uses),
            "enterprise_event": frame(spark, "core.enterprise_event", self.events),
        }


def plain_limits() -> dict[str, tuple[Fraction, Fraction, Fraction]]:
    """What land can carry, by division, from the file itself: m² per person, value added and tax per mu."""
    found: dict[str, tuple[Fraction, Fraction, Fraction]] = {}
    for group in read_mapping(RULE_SETS.parent / "land_limits.yml", RejectedError)["groups"]:
        floor, ratio, shifts = (Fraction(group[k]) for k in ("floor_m2_per_person", "plot_ratio", "shifts"))
        highest = (Fraction(group[f"{k}_wan_yuan_per_mu"]) for k in ("value_added", "tax"))
        found |= dict.fromkeys(group["divisions"], (floor / ratio / shifts, *highest))
    return found


def stored(result: DataFrame, table: str) -> tuple[DataFrame, list[Row]]:
    """The result as read back from storage, not recomputed; asserts the contract's columns, types, required values."""
    arrow = result.toArrow()
    spec = contract(table)
    assert arrow.column_names == spec.column_names, table
    for column in spec.columns:
        if column.required:
            assert arrow.column(column.name).null_count == 0, f"{table}.{column.name}"
    ddl = ", ".join(f"{c.name} {c.type}" for c in spec.columns)
    assert result.schema.simpleString() == f"struct<{ddl.replace(' ', ':').replace(',:', ',')}>", table
    return result.sparkSession.createDataFrame(arrow, schema=ddl), arrow.to_pylist()


@dataclass
class Results:
    """Rows by table."""

    rows: dict[str, list[Row]]

    @cached_property
    def index(self) -> dict[tuple[str, str, str], list[Row]]:
        """(table, district, year) → rows."""
        found: dict[tuple[str, str, str], list[Row]] = {}
        for table, rows in self.rows.items():
            for row in rows:
                found.setdefault((table, row["district_code"], row["year"]), []).append(row)
        return found

    def table(self, name: str, district: str, year: str = "2023") -> list[Row]:
        return self.index.get((name, district, year), [])

    def by_firm(self, name: str, district: str, year: str = "2023") -> dict[str, Row]:
        """Rows by the firm's name inside the district; one row a firm."""
        rows = self.table(name, district, year)
        found = {row["uscc"].removeprefix(f"{district}-"): row for row in rows}
        assert len(found) == len(rows)
        return found

    def column(self, name: str, column: str, district: str, year: str = "2023") -> dict[str, Any]:
        return {firm: row[column] for firm, row in self.by_firm(name, district, year).items()}

    def values(self, district: str, code: str, year: str = "2023") -> dict[str, Row]:
        """Indicator rows of one indicator by firm."""
        rows = [r for r in self.table("indicator_value", district, year) if r["indicator_code"] == code]
        return {row["uscc"].removeprefix(f"{district}-"): row for row in rows}

    def baseline(self, district: str, list_code: str, code: str, year: str = "2023") -> Any:
        [row] = [
            r
            for r in self.table("baseline", district, year)
            if (r["list_code"], r["indicator_code"]) == (list_code, code)
        ]
        return row["value"]

    def statuses(self, district: str, year: str = "2023") -> dict[str, tuple[str, list[str]]]:
        return {
            name: (row["eval_status_code"], row["status_reasons"])
            for name, row in self.by_firm("population", district, year).items()
        }

    def grades(self, district: str, year: str = "2023") -> str:
        """Final grades of the firms in the order of their names."""
        return "".join(
            g for _, g in sorted(self.column("enterprise_grade", "final_grade", district, year).items())
        )

    def initial(self, district: str, year: str = "2023") -> str:
        return "".join(
            g for _, g in sorted(self.column("enterprise_grade", "initial_grade", district, year).items())
        )

    def reasons(self, district: str, year: str = "2023") -> dict[str, list[str]]:
        given = self.column("enterprise_grade", "grade_reasons", district, year)
        return {name: reasons for name, reasons in given.items() if reasons}


def undecided(spark: SparkSession) -> tuple[DataFrame, DataFrame, DataFrame]:
    """Steps, adjustments and published lists of a procedure that has not begun."""
    feeds = ("raw.gov_evaluation_step", "raw.gov_grade_adjustment", "raw.gov_grade_publication")
    steps, adjustments, published = (frame(spark, feed, []) for feed in feeds)
    return steps, adjustments, published


def run(spark: SparkSession, world: World, frames: dict[str, DataFrame] | None = None) -> Results:
    """Every job of the area in order, each on the stored results of the jobs before."""
    i = frames or world.frames(spark)
    rules = world.book()
    year, rows = i["enterprise_year"], {}
    people, rows["population"] = stored(
        population(i["enterprise"], year, i["parcel"], i["parcel_use"], rules), "per_mu.population"
    )
    _, rows["land_review"] = stored(
        land_review(people, i["enterprise"], year, i["parcel_use"], rules), "per_mu.land_review"
    )
    units, rows["unit"] = stored(unit(people, year, rules), "per_mu.unit")
    bases, rows["baseline"] = stored(baseline(people, units, rules), "per_mu.baseline")
    values, rows["indicator_value"] = stored(indicator_value(units, bases, rules), "per_mu.indicator_value")
    changes, rows["adjustment"] = stored(
        adjustment(people, i["enterprise_event"], rules), "per_mu.adjustment"
    )
    grades, rows["enterprise_grade"] = stored(
        enterprise_grade(people, i["enterprise"], values, changes, *undecided(spark), rules),
        "per_mu.enterprise_grade",
    )
    _, rows["city_rank"] = stored(city_rank(people, units, rules), "per_mu.city_rank")
    _, rows["district_summary"] = stored(
        district_summary(people, units, grades, year, rules), "per_mu.district_summary"
    )
    return Results(rows)


#: The districts of this folder's golden cases.
WORLD = World()
