"""Rule sets 评价规则 as validated models: lists, indicators, baselines, quotas, protections, bonuses and penalties.

The module is one, above 300 lines: it is read from top to bottom as the form of one document.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from jobs.rules.base import Assumption
from schemas.contract import code_list, digest
from schemas.definition import Definition, Titles, first_error, line_of, read_mapping
from schemas.errors import RejectedError

KIND = Titles(zh="规则集", en="rule sets")
#: A code of the list per_mu_list.
ListCode = str
#: Lists of enterprises; the others are of objects such as parcels and parks.
ENTERPRISE_LISTS = ("above_scale", "below_scale_ge3", "below_scale_lt3", "tenant")
Grade = Literal["A", "B", "C", "D"]
CountRounding = Literal["floor", "ceil", "half_up"]
TaxComponent = Literal[
    "vat", "export_offset", "income", "consumption", "surcharge", "land_use", "property", "other"
]
#: Setting of an installation: the folder of its own rule sets and indicators.
OWN_RULES = "BRAIN_RULES"
INDICATORS = "indicators.yml"
#: Indicators that only objects beyond enterprises have.
OBJECT_INDICATORS = "object_indicators.yml"
VALUE_ADDED = "value_added_wan_yuan"
#: Policies that give a missing value what the list's other units have.
BY_OTHERS = ("group_average", "group_median")
#: Figures that may be below zero.
MAY_BE_NEGATIVE = (VALUE_ADDED, "profit_wan_yuan", "tax_contribution")
#: Group of a list that is not ranked by industry; group of the industries that a list with groups does not name.
WHOLE_LIST, OTHER_INDUSTRIES = "all", "other"
TaxExclusion = Literal[
    "audit_recovery", "demolition", "real_estate", "equity_transfer", "headquarters_rebate"
]
#: At most as many digits after the point as the tables hold: more would be lost between rule and result.
Amount = Annotated[Decimal, Field(decimal_places=6)]
Points = Annotated[Decimal, Field(decimal_places=4)]


class Duty(Definition):
    """A figure that a firm owes by law: ``missing_feeds`` of core.enterprise_year names the feed if it is withheld."""

    feed: str
    figure: str
    #: Columns of core.enterprise_year that show why the firm owes it.
    proof: tuple[str, ...]
    source: str
    #: What the firm does to mend it.
    remedy: Titles


class IndicatorDefinition(Definition):
    """Numerator and denominator of an indicator; the same for every rule set.

    ``better`` says whether more or less is better, as less energy for a unit of value added is.
    """

    unit: str
    numerator: str
    numerator_unit: str
    denominator: str
    denominator_divisor: Literal[1, 10, 100, 1_000, 10_000, 100_000, 1_000_000] = 1
    denominator_unit: str
    feeds: tuple[str, ...]
    better: Literal["more", "less"] = "more"
    duty: Duty | None = None

    @model_validator(mode="after")
    def _less_of_what_cannot_be_negative(self) -> IndicatorDefinition:
        if self.better == "less" and self.numerator in MAY_BE_NEGATIVE:
            raise ValueError(
                f"less is better, so a loss would lead the list: {self.numerator} may be negative"
            )
        return self


def own_rules() -> Path | None:
    """The installation's folder of rule sets and indicators, if ``BRAIN_RULES`` names one.

    Raises:
        RejectedError: it names something that is not a folder.
    """
    given = os.environ.get(OWN_RULES, "")
    if not given:
        return None
    folder = Path(given).expanduser()
    if not folder.is_dir():
        raise RejectedError(f"{OWN_RULES}={given}: no such folder; create it or unset the variable")
    return folder


@cache
def indicator_definitions() -> dict[str, IndicatorDefinition]:
    """Indicator code → definition, from ``indicators.yml``, ``object_indicators.yml`` and the installation's own file.

    Raises:
        RejectedError: a definition is not well formed, or an own one has the code of another.
    """
    found: dict[str, IndicatorDefinition] = {}
    here, own = Path(__file__).parent, own_rules()
    for path in (here / INDICATORS, here / OBJECT_INDICATORS, *([own / INDICATORS] if own else [])):
        if not path.exists():
            continue
        for code, entry in read_mapping(path, RejectedError).items():
            at = line_of(path, [code])
            where = f"{path.name} line {at[1] if at else 1}: {code}"
            if code in found:
                raise RejectedError(f"{where}: there is an indicator of this code already; choose another")
            try:
                found[code] = IndicatorDefinition.model_validate(entry)
            except ValidationError as error:
                raise RejectedError(f"{where}: {first_error(error)}") from None
    return found


@cache
def object_indicators() -> frozenset[str]:
    """Codes of the indicators that only objects beyond enterprises have (``object_indicators.yml``)."""
    return frozenset(read_mapping(Path(__file__).parent / OBJECT_INDICATORS, RejectedError))


def duties() -> list[Duty]:
    """Duties of all indicators, each once."""
    found = (d.duty for d in indicator_definitions().values() if d.duty)
    return list({duty.figure: duty for duty in found}.values())


class Baseline(Definition):
    """Baseline 基准值 of an indicator: a published figure, or computed from the evaluated group itself.

    ``aggregate`` is Σ numerator / Σ denominator; ``factor`` multiplies the result (Huai'an 2024: about twice the
    county's average). ``range`` is the best and the worst value of the group, for scores by minimum and maximum.
    ``giants`` tells whether the list's giants count; a published figure is what it is, so an inherited ``giants`` does
    not matter to it.
    """

    method: Literal["fixed", "aggregate", "median", "mean", "range"]
    value: Amount | None = Field(default=None, gt=0)
    factor: Amount = Field(default=Decimal(1), gt=0)
    giants: Literal["with", "without"] = "with"

    @model_validator(mode="after")
    def _value_when_fixed(self) -> Baseline:
        if (self.method == "fixed") != (self.value is not None):
            raise ValueError("a fixed baseline has a value, any other method has none (value: null)")
        if self.method == "range" and self.factor != 1:
            raise ValueError("a range has no factor")
        return self


class Indicator(Definition):
    """An indicator in a list: weight 权重 in points, baseline, and the treatment of a missing value.

    Scores, where more is better: ``ratio`` is value / baseline x weight (黄岩区2022); ``min_max`` is weight x [s + (1
    - s) x (value - minimum) / (maximum - minimum)] with s = ``least_share`` (旌德县2022: 20 + 80 of 100). Where less is
    better: ``ratio`` is (2 - value / baseline) x weight and nothing from twice the baseline on (逆向指标); ``min_max``
    counts from the maximum.
    """

    weight: Points = Field(gt=0, le=100)
    baseline: Baseline
    scoring: Literal["ratio", "min_max"] = "ratio"
    least_share: Annotated[Decimal, Field(decimal_places=2, ge=0, lt=1)] = Decimal("0.2")
    #: A value is missing when a figure is missing or the denominator is not above zero.
    #: ``group_average`` and ``group_median`` give the mean or median score of the list's other units. The mean of a
    #: skewed list is above most of its scores, so silence pays under it; under the median it never does.
    missing: Literal["group_average", "group_median", "zero", "data_incomplete"] = "data_incomplete"
    #: A figure that the firm owes by law (``duty``) and did not report. ``as_missing``: as if it owed none; ``zero``:
    #: no points, and never more than the list's lowest score, so that no report is worse than withholding it.
    withheld: Literal["as_missing", "zero"] = "as_missing"

    @model_validator(mode="after")
    def _range_for_min_max(self) -> Indicator:
        if (self.scoring == "min_max") != (self.baseline.method == "range"):
            raise ValueError("scoring min_max and baseline method range belong together")
        return self


class Quota(Definition):
    """Grade quotas 分档比例. C gets the rest after A, B and D."""

    shares: dict[Grade, Amount]
    rounding: dict[Literal["A", "B", "D"], CountRounding]
    count_exempt: bool = False
    count_protected: bool = False
    #: Equal totals across a quota's edge: ordered by tax per mu, and the worse grade for units equal in that too
    #: (``tie_break``); or all get the better (``all_in``) or all the worse (``all_out``) grade.
    edge: Literal["tie_break", "all_in", "all_out"] = "tie_break"
    #: A vetoed firm's place in A or B goes to the next firm.
    refill_vetoed: bool = False
    #: With refill: firms put into D by a veto fill the D quota first.
    vetoed_count_in_d: bool = True
    #: Fractions of places that rounding leaves pass to the district's next list, in the order of the rule set's lists.
    carry: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Quota:
        if set(self.shares) != {"A", "B", "C", "D"} or set(self.rounding) != {"A", "B", "D"}:
            raise ValueError("quota needs shares for A, B, C, D and rounding for A, B, D")
        if min(self.shares.values()) < 0 or sum(self.shares.values()) != 1:
            raise ValueError(f"quota shares sum to {sum(self.shares.values())}, not to 1")
        return self


class IndustryGroup(Definition):
    """Industries ranked among themselves 分行业排名: divisions, groups or classes of GB/T 4754, two to four digits."""

    title: Titles
    industries: tuple[Annotated[str, Field(pattern=r"^\d{2,4}$")], ...] = Field(min_length=1)


class ListRules(Definition):
    """One ranked list 榜单: indicators by code, and its own quota if it differs from the rule set's.

    With ``groups``, each group of industries has its own baselines, ranks and places (海宁市2013: four groups);
    industries that no group names are the group ``other``.
    """

    indicators: dict[str, Indicator]
    quota: Quota | None = None
    groups: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], IndustryGroup] = Field(
        default_factory=dict
    )

    @property
    def ranking_groups(self) -> tuple[str, ...]:
        """The groups in which the list is ranked, in order."""
        return (*self.groups, OTHER_INDUSTRIES) if self.groups else (WHOLE_LIST,)

    @model_validator(mode="after")
    def _groups(self) -> ListRules:
        if reserved := {WHOLE_LIST, OTHER_INDUSTRIES} & set(self.groups):
            raise ValueError(f"a group may not be called {min(reserved)}")
        prefixes = [prefix for group in self.groups.values() for prefix in group.industries]
        if twice := sorted({p for p in prefixes if prefixes.count(p) > 1}):
            raise ValueError(f"industry {twice[0]} is in two groups")
        return self

    @model_validator(mode="after")
    def _indicators(self) -> ListRules:
        unknown = set(self.indicators) - set(indicator_definitions())
        if unknown:
            raise ValueError(f"unknown indicators {sorted(unknown)}; define them in indicators.yml")
        for code, rule in self.indicators.items():
            if rule.withheld != "as_missing" and indicator_definitions()[code].duty is None:
                raise ValueError(
                    f"{code}: nobody owes a figure of it (no `duty` in indicators.yml); remove `withheld`"
                )
            if rule.withheld != "as_missing" and rule.missing == "data_incomplete":
                raise ValueError(
                    f"{code}: a withheld figure would keep a firm out of the grading; choose another `missing`"
                )
        total = sum(i.weight for i in self.indicators.values())
        if total != 100:
            raise ValueError(f"weights sum to {total}, not to 100")
        return self


class Tenants(Definition):
    """Tenants 租赁企业: ``separate`` list (Cixi), ``inherit`` the grade of the parcel's holder (Jiangshan),
    or ``merge`` into the holder's figures and share the result (Suichang)."""

    mode: Literal["separate", "inherit", "merge"]
    applies_to: tuple[Literal["above_scale", "below_scale"], ...] = ("below_scale",)
    #: A tenant with at least this much land is evaluated by itself in any mode.
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
    """Digits after the point of values and scores, rounded half up 四舍五入 or truncated 截位."""

    value_scale: int = Field(default=6, ge=0, le=6)
    score_scale: int = Field(default=6, ge=0, le=6)
    mode: Literal["half_up", "down"] = "half_up"


class Notes(Definition):
    """The notes of a file: ``proven`` removes a field from the inherited assumptions."""

    assumptions: tuple[Assumption, ...] = ()
    proven: tuple[Assumption, ...] = ()


class RuleSet(Definition):
    """The rule of one district for one evaluation year."""

    id: str
    year: str
    title: Titles
    district_codes: tuple[str, ...]
    valid_from: date | None = None
    valid_to: date | None = None
    source: str
    assumptions: tuple[Assumption, ...] = ()
    lists: dict[ListCode, ListRules]
    tax_components: tuple[TaxComponent, ...] = Field(min_length=1)
    #: Parts of the tax paid that do not count as contribution (查补税款等).
    tax_exclusions: tuple[TaxExclusion, ...] = ()
    cap_ratio: Amount | None = Field(default=None, gt=0)
    floor: Amount | None = None
    negative_value_added: Literal["zero_score", "keep"] = "zero_score"
    zero_land: Literal["data_incomplete", "zero_score", "tenant_list"] = "data_incomplete"
    #: Land that cannot carry the people and the output on it (``land_limits.yml``).
    impossible_land: Literal["graded", "data_incomplete"] = "graded"
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
    #: A veto whose penalty was lifted by credit repair (信用修复) by the end of the year: it stays, keeps from A and B
    #: alone, or falls away.
    repaired_veto: Literal["stays", "not_above_c", "lifted"] = "stays"
    bonuses: tuple[Bonus, ...] = ()
    bonus_cap: Points | None = Field(default=None, ge=0)
    #: Points deducted, as positive numbers.
    penalties: dict[str, Annotated[Points, Field(gt=0)]] = Field(default_factory=dict)
    penalty_cap: Points | None = Field(default=None, ge=0)
    rounding: Rounding = Rounding()
    #: A giant 龙头企业 dominates its list: its tax contribution or value added is at least ``giant_share`` of that of
    #: the list's units, and ``giant_times_median`` times their median. A figure counts if at least so many units, and
    #: this share of them, report it: in a short list of equals everyone has a large share, and nobody dominates.
    giant_share: Amount = Field(default=Decimal("0.25"), gt=0, le=1)
    giant_times_median: Amount = Field(default=Decimal(10), ge=1, lt=1000)
    giant_from_units: int = Field(default=10, ge=1)
    giant_reporting_share: Amount = Field(default=Decimal("0.5"), ge=0, le=1)

    @model_validator(mode="after")
    def _lists(self) -> RuleSet:
        if unknown := set(self.lists) - set(code_list("per_mu_list")):
            raise ValueError(f"lists.{min(unknown)}: unknown list; see schemas/codes/per_mu_list.csv")
        quotas = [self.quota_of(code) for code in self.lists]
        if any(q.carry for q in quotas) and len({(q.carry, str(q.rounding)) for q in quotas}) > 1:
            raise ValueError("places carry between lists only if all lists carry and round alike")
        return self

    @model_validator(mode="after")
    def _valid(self) -> RuleSet:
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise ValueError(f"valid_from {self.valid_from} is after valid_to {self.valid_to}")
        return self

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


def _has_path(document: Any, path: list[str]) -> bool:
    for part in path:
        if not isinstance(document, Mapping) or part not in document:
            return False
        document = document[part]
    return True
