"""Rule sets 评价规则: the policy of the per-mu evaluation as validated, versioned data.

Each file ``rule_sets/<id>.yml`` holds the rule of one district (or the city) for one or more evaluation
years. ``extends`` inherits from another file: mappings merge, everything else is replaced, ``null`` removes.
A file for several years yields one rule set a year, ``<id>-<year>``; ``by_year`` holds what differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from jobs.rules.base import Assumption, RuleDocument, Rules
from schemas.contract import code_list, digest
from schemas.definition import Definition, Titles, first_error, read_mapping
from schemas.errors import RejectedError, UsageError

RULE_SETS = Path(__file__).parent / "rule_sets"
#: GB/T 2260 code of the city; the city rule set (测算) is filed under it.
CITY = "330200"
KIND = Titles(zh="规则集", en="rule sets")

ListCode = Literal["above_scale", "below_scale_ge3", "below_scale_lt3", "tenant"]
Grade = Literal["A", "B", "C", "D"]
CountRounding = Literal["floor", "ceil", "half_up"]
TaxComponent = Literal[
    "vat", "export_offset", "income", "consumption", "surcharge", "land_use", "property", "other"
]

#: Digits after the point are those that the tables hold: more would be lost between rule and result.
Amount = Annotated[Decimal, Field(decimal_places=6)]
Points = Annotated[Decimal, Field(decimal_places=4)]


class IndicatorDefinition(Definition):
    """What an indicator divides by what; the same for every rule set."""

    unit: str
    numerator: str
    numerator_unit: str
    denominator: str
    denominator_divisor: Literal[1, 10, 100, 1_000, 10_000, 100_000, 1_000_000] = 1
    denominator_unit: str
    feeds: tuple[str, ...]


@cache
def indicator_definitions() -> dict[str, IndicatorDefinition]:
    """Indicator code → definition, from ``indicators.yml``."""
    raw = read_mapping(Path(__file__).parent / "indicators.yml", RejectedError)
    return {code: IndicatorDefinition.model_validate(entry) for code, entry in raw.items()}


class Baseline(Definition):
    """Baseline 基准值 of an indicator: a published figure, or taken from the evaluated group itself.

    ``aggregate`` is Σ numerator / Σ denominator; ``factor`` multiplies what was found (Huai'an 2024: about
    twice the county's average).
    """

    method: Literal["fixed", "aggregate", "median", "mean"]
    value: Amount | None = Field(default=None, gt=0)
    factor: Amount = Field(default=Decimal(1), gt=0)

    @model_validator(mode="after")
    def _value_when_fixed(self) -> Baseline:
        if (self.method == "fixed") != (self.value is not None):
            raise ValueError("a fixed baseline has a value, any other method has none (value: null)")
        return self


class Indicator(Definition):
    """An indicator in a list: weight 权重 in points, baseline, and what a missing value means."""

    weight: Points = Field(gt=0, le=100)
    baseline: Baseline
    #: A value is missing when a figure is missing or the denominator is not above zero.
    missing: Literal["group_average", "zero", "data_incomplete"] = "data_incomplete"


class Quota(Definition):
    """Grade quotas 分档比例. C is what A, B and D leave."""

    shares: dict[Grade, Amount]
    rounding: dict[Literal["A", "B", "D"], CountRounding]
    count_exempt: bool = False
    count_protected: bool = False
    #: Equal totals across a quota's edge: ordered by the tie-break chain, or all get the better (``all_in``)
    #: or all the worse (``all_out``) grade.
    edge: Literal["tie_break", "all_in", "all_out"] = "tie_break"
    #: A vetoed firm's place in A or B goes to the next firm.
    refill_vetoed: bool = False
    #: With refill: firms put to D by veto fill the D quota first.
    vetoed_count_in_d: bool = True

    @model_validator(mode="after")
    def _whole(self) -> Quota:
        if set(self.shares) != {"A", "B", "C", "D"} or set(self.rounding) != {"A", "B", "D"}:
            raise ValueError("quota needs shares for A, B, C, D and rounding for A, B, D")
        if min(self.shares.values()) < 0 or sum(self.shares.values()) != 1:
            raise ValueError(f"quota shares sum to {sum(self.shares.values())}, not to 1")
        return self


class ListRules(Definition):
    """One ranked list 榜单: indicators by code, and its own quota where it departs from the rule set's."""

    indicators: dict[str, Indicator]
    quota: Quota | None = None

    @model_validator(mode="after")
    def _indicators(self) -> ListRules:
        unknown = set(self.indicators) - set(indicator_definitions())
        if unknown:
            raise ValueError(f"unknown indicators {sorted(unknown)}; define them in indicators.yml")
        total = sum(i.weight for i in self.indicators.values())
        if total != 100:
            raise ValueError(f"weights sum to {total}, not to 100")
        return self


class Tenants(Definition):
    """Tenants 租赁企业: ``separate`` list (Cixi), ``inherit`` the grade of the parcel's holder (Jiangshan),
    or ``merge`` into the holder's figures and share the result (Suichang)."""

    mode: Literal["separate", "inherit", "merge"]
    applies_to: tuple[Literal["above_scale", "below_scale"], ...] = ("below_scale",)
    #: A tenant with this much land and more stands alone in any mode.
    apart_from_land_mu: Amount | None = Field(default=None, gt=0)


class NewFirm(Definition):
    """New enterprise: registered less than ``years`` before 31 December of the year."""

    years: int = Field(ge=0, le=10)
    effect: Literal["protected", "not_below_c"] = "protected"


class NewLand(NewFirm):
    """All land of the firm obtained less than ``years`` ago and not past its contractual completion."""

    supply_modes: tuple[str, ...] = ("granted", "agreement")


class Protection(Definition):
    new_firm: NewFirm | None = None
    new_land: NewLand | None = None
    #: Firms that rose above scale in the year (小升规).
    upgraded: Literal["none", "not_below_c"] = "none"
    #: A veto takes a firm to D in spite of ``not_below_c`` (Changle 2023).
    veto_overrides: bool = True


class Bonus(Definition):
    """Points for an honour of a level; of one category only the highest counts."""

    honour: str
    level: str
    points: Points = Field(gt=0)
    category: str | None = None

    @model_validator(mode="after")
    def _codes(self) -> Bonus:
        if self.honour not in code_list("honour") or self.level not in code_list("level"):
            raise ValueError(f"unknown honour or level {self.honour}/{self.level}; see schemas/codes")
        return self


class Rounding(Definition):
    """Digits after the point of values and scores, rounded half up 四舍五入 or cut 截位."""

    value_scale: int = Field(default=6, ge=0, le=6)
    score_scale: int = Field(default=6, ge=0, le=6)
    mode: Literal["half_up", "down"] = "half_up"


class Note(Definition):
    """A field of the rule set that is assumed (``why``), or proven (``source``), by its dotted path."""

    field: str
    why: str


class _Notes(Definition):
    """The notes of a file: ``proven`` takes a field out of the inherited assumptions."""

    assumptions: tuple[Note, ...] = ()
    proven: tuple[Note, ...] = ()


class RuleSet(Definition):
    """The rule of one district for one evaluation year."""

    id: str
    year: str
    title: Titles
    district_codes: tuple[str, ...]
    valid_from: date | None = None
    valid_to: date | None = None
    source: str
    assumptions: tuple[Note, ...] = ()
    lists: dict[ListCode, ListRules]
    tax_components: tuple[TaxComponent, ...] = Field(min_length=1)
    cap_ratio: Amount | None = Field(default=None, gt=0)
    floor: Amount | None = None
    negative_value_added: Literal["zero_score", "keep"] = "zero_score"
    zero_land: Literal["data_incomplete", "zero_score", "tenant_list"] = "data_incomplete"
    large_land_mu: Amount = Decimal(3)
    upgraded_list: Literal["above_scale", "below_scale"] = "below_scale"
    dropped_list: Literal["above_scale", "below_scale"] = "above_scale"
    #: Divisions, groups or classes of GB/T 4754: the first two, three or all four digits.
    exempt_industries: tuple[Annotated[str, Field(pattern=r"^\d{2,4}$")], ...] = ()
    inactive_statuses: tuple[str, ...] = ("cancelled", "revoked", "moved_out")
    tenants: Tenants
    quota: Quota
    protection: Protection = Protection()
    vetoes: dict[str, Literal["direct_d", "not_above_c"]] = Field(default_factory=dict)
    bonuses: tuple[Bonus, ...] = ()
    bonus_cap: Points | None = Field(default=None, ge=0)
    #: Points taken off, given above zero.
    penalties: dict[str, Annotated[Points, Field(gt=0)]] = Field(default_factory=dict)
    penalty_cap: Points | None = Field(default=None, ge=0)
    rounding: Rounding = Rounding()
    #: A firm with this share of its list's tax or value added is a giant: figures are also given without it.
    giant_share: Amount = Field(default=Decimal("0.25"), gt=0, le=1)

    @model_validator(mode="after")
    def _codes(self) -> RuleSet:
        unknown = (set(self.vetoes) | set(self.penalties)) - set(code_list("penalty"))
        if unknown:
            raise ValueError(f"unknown penalty codes {sorted(unknown)}; see schemas/codes/penalty.csv")
        pairs = [(b.honour, b.level) for b in self.bonuses]
        if len(pairs) != len(set(pairs)):
            raise ValueError("bonuses name an honour and level twice")
        document = self.model_dump(mode="json")
        for note in self.assumptions:
            if not _has_path(document, note.field.split(".")):
                raise ValueError(f"assumptions: no field {note.field} in the rule set")
        return self

    @property
    def hash(self) -> str:
        """Hash of everything in the rule set."""
        return digest(self.model_dump(mode="json"))

    def quota_of(self, list_code: ListCode) -> Quota:
        return self.lists[list_code].quota or self.quota


class RuleBook(Rules):
    """All rule sets, one for each district and year."""

    def __init__(self, rule_sets: Iterable[RuleSet]) -> None:
        self._sets: dict[tuple[str, str], RuleSet] = {}
        by_id: dict[str, RuleSet] = {}
        for rule_set in rule_sets:
            if by_id.setdefault(rule_set.id, rule_set) != rule_set:
                raise RejectedError(f"two rule sets are called {rule_set.id}: give each its own id")
            for district in rule_set.district_codes:
                key = (district, rule_set.year)
                if key in self._sets:
                    raise RejectedError(
                        f"rule sets {self._sets[key].id} and {rule_set.id} both hold for district"
                        f" {district} in {rule_set.year}: keep one"
                    )
                self._sets[key] = rule_set

    def for_(self, district_code: str, year: str) -> RuleSet:
        """The rule set of a district for an evaluation year.

        Raises:
            UsageError: there is none.
        """
        try:
            return self._sets[district_code, year]
        except KeyError:
            raise UsageError(
                f"no rule set for district {district_code} and year {year}; add one in jobs/per_mu/rules/rule_sets"
            ) from None

    def items(self) -> list[tuple[str, str, RuleSet]]:
        """(district code, year, rule set), the city left out."""
        return [(d, y, r) for (d, y), r in sorted(self._sets.items(), key=lambda i: i[0]) if d != CITY]

    def city_items(self) -> list[tuple[str, str, RuleSet]]:
        """(district code, year, rule set) of the city's own rule sets."""
        return [(d, y, r) for (d, y), r in sorted(self._sets.items(), key=lambda i: i[0]) if d == CITY]

    def all(self) -> list[RuleSet]:
        """Every rule set once, by id."""
        return sorted({r.id: r for r in self._sets.values()}.values(), key=lambda r: r.id)

    def get(self, rule_set_id: str) -> RuleSet:
        """The rule set with an id.

        Raises:
            UsageError: there is none.
        """
        for rule_set in self.all():
            if rule_set.id == rule_set_id:
                return rule_set
        raise UsageError(f"unknown rule set {rule_set_id}; known: {', '.join(r.id for r in self.all())}")

    def replace(self, rule_set: RuleSet) -> RuleBook:
        """This book with another rule set in place of those of its districts and year (what-if)."""
        others = [
            kept.model_copy(update={"district_codes": left})
            for kept in self.all()
            if (
                left := tuple(
                    d
                    for d in kept.district_codes
                    if kept.year != rule_set.year or d not in rule_set.district_codes
                )
            )
        ]
        return RuleBook([*others, rule_set])

    def describe(self) -> list[RuleDocument]:
        """One document for each rule set."""
        return [
            RuleDocument(
                id=rule_set.id,
                kind=KIND,
                title=rule_set.title,
                source=rule_set.source,
                hash=rule_set.hash,
                content=rule_set.model_dump_json(),
                assumptions=tuple(Assumption(note.field, note.why) for note in rule_set.assumptions),
            )
            for rule_set in self.all()
        ]

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """``quota``: shares of A and D by rule set; of lists with a quota of their own, the widest holds."""
        shares = {r.id: [r.quota_of(code).shares for code in r.lists] for r in self.all()}
        return {
            "quota": [
                {
                    "rule_set_id": rule_set_id,
                    "share_a": float(max(share["A"] for share in of_lists)),
                    "share_d": float(min(share["D"] for share in of_lists)),
                }
                for rule_set_id, of_lists in shares.items()
            ]
        }

    def check(self) -> None:
        """Every indicator has its titles."""
        if unnamed := set(indicator_definitions()) - set(code_list("per_mu_indicator")):
            raise RejectedError(
                f"indicators without a title in schemas/codes/per_mu_indicator.csv: {sorted(unnamed)}"
            )

    def fingerprint(self, period: str) -> str:
        """Hash of the rule sets of the period's year and of what the indicators divide by what."""
        year = period[:4]
        hashes = {d: r.hash for (d, y), r in self._sets.items() if y == year}
        titles = {"unit", "numerator_unit", "denominator_unit"}
        definitions = {
            c: d.model_dump(mode="json", exclude=titles) for c, d in indicator_definitions().items()
        }
        return digest([hashes, definitions])


# --- loading ---------------------------------------------------------------------------------------


def load_rule_book(folder: Path = RULE_SETS) -> RuleBook:
    """Every rule set of a folder.

    Raises:
        RejectedError: a file is not well formed; the line names file, place and what is wrong.
    """
    raw = {path.name: read_mapping(path, RejectedError) for path in sorted(folder.glob("*.yml"))}
    return RuleBook(rule_set for name in raw for rule_set in _expand(name, raw))


@cache
def rule_book() -> RuleBook:
    """The rule book shipped with the platform."""
    return load_rule_book()


def read_rule_file(path: Path) -> list[RuleSet]:
    """The rule sets of one file that may extend those shipped (what-if).

    Raises:
        RejectedError: the file is not well formed.
    """
    shipped = {p.name: read_mapping(p, RejectedError) for p in sorted(RULE_SETS.glob("*.yml"))}
    return list(_expand(path.name, {**shipped, path.name: read_mapping(path, RejectedError)}))


def _expand(name: str, raw: Mapping[str, dict[str, Any]]) -> Iterable[RuleSet]:
    document = _inherited(name, raw, ())
    if document.pop("abstract", False):
        return
    years = [str(y) for y in document.pop("years", None) or []]
    by_year = {str(y): entry for y, entry in (document.pop("by_year", None) or {}).items()}
    if not years or set(by_year) - set(years):
        raise RejectedError(f"{name}: give `years`, and in `by_year` only those years")
    for year in years:
        own = merge(document, by_year.get(year) or {})
        base = str(own.get("id") or name.removesuffix(".yml"))
        own |= {"id": base if base.endswith(f"-{year}") else f"{base}-{year}", "year": year}
        yield parse_rule_set(name, own)


def parse_rule_set(name: str, document: Mapping[str, Any]) -> RuleSet:
    """A rule set from its mapping; ``proven`` takes fields out of the inherited assumptions.

    Raises:
        RejectedError: one line naming the file, the place and what is wrong.
    """
    own = dict(document)
    try:
        notes = _Notes.model_validate({k: own.pop(k, None) or () for k in ("assumptions", "proven")})
        proven = {note.field for note in notes.proven}
        own["assumptions"] = [n for n in notes.assumptions if n.field not in proven]
        for field in ("lists", "vetoes", "penalties"):
            own[field] = _present({} if own.get(field) is None else own[field])
        if isinstance(own["lists"], Mapping):
            own["lists"] = {code: _present(rules, "indicators") for code, rules in own["lists"].items()}
        return RuleSet.model_validate(own)
    except ValidationError as error:
        raise RejectedError(f"{name}: {first_error(error)}") from None


def _present(part: Any, inside: str | None = None) -> Any:
    """A mapping, or what it holds ``inside``, without the entries that ``null`` removed.

    What is no mapping is left as it is, for the model to refuse.
    """
    if not isinstance(part, Mapping):
        return part
    if inside is not None:
        return {**part, inside: _present(part.get(inside))}
    return {k: v for k, v in part.items() if v is not None}


def _inherited(name: str, raw: Mapping[str, dict[str, Any]], seen: tuple[str, ...]) -> dict[str, Any]:
    own = dict(raw[name])
    parent = own.pop("extends", None)
    if parent is None:
        return own
    parent_name = f"{parent}.yml"
    if parent_name not in raw or parent_name in (*seen, name):
        raise RejectedError(f"{name}: extends {parent}, which is unknown or extends this one")
    base = _inherited(parent_name, raw, (*seen, name))
    for own_only in ("abstract", "id"):
        base.pop(own_only, None)
    return merge(base, own)


def merge(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """``own`` over ``base``: mappings merge, notes add up, everything else is replaced.

    >>> merge({"a": {"x": 1, "y": 2}, "b": [1]}, {"a": {"y": 3}, "b": [2]})
    {'a': {'x': 1, 'y': 3}, 'b': [2]}
    """
    merged = dict(base)
    for key, value in own.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(old, value)
        elif key in ("assumptions", "proven") and isinstance(old, list):
            merged[key] = [*old, *(value or [])]
        else:
            merged[key] = value
    return merged


def _has_path(document: Any, path: list[str]) -> bool:
    for part in path:
        if not isinstance(document, Mapping) or part not in document:
            return False
        document = document[part]
    return True
