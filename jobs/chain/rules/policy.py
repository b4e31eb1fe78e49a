"""Policy of the chain tables as data: evidence, overrides, states of nodes, the plan's target.

Each file in this folder is read as a validated model. A job receives only what it reads, so a changed threshold makes
only the tables stale that depend on it.

The module is one, above 300 lines: many small models, each of a few fields and one check.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from jobs.chain.rules.models import ChainModels, load
from jobs.rules.base import Assumption, Row, RuleDocument, Rules
from jobs.rules.condition import NUMBERS, Node, Than, conditions, parse_node
from schemas.contract import code_list, contract, digest
from schemas.definition import Definition, Titles, read_definition
from schemas.errors import RejectedError

HERE = Path(__file__).parent
KIND = Titles(zh="产业链规则", en="chain rules")
OVERRIDES_SOURCE = "每条自带文件号 each one names its document"
#: Code of chain and node for everything outside all chains.
OUT = "OUT"

Why = Annotated[str, Field(min_length=1)]
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=4)]
Part = Annotated[Decimal, Field(ge=0, le=1, decimal_places=4)]
Count = Annotated[int, Field(ge=1, le=1000)]
Kind = Literal["product", "sales", "class", "purchase", "honour"]
KINDS: tuple[Kind, ...] = ("product", "sales", "class", "purchase", "honour")


def part_of_one(pct: Decimal) -> Decimal:
    """A percentage with at most four digits after the point as a part of one.

    >>> part_of_one(Decimal("12.5"))
    Decimal('0.125000')
    """
    return (pct * Decimal("0.01")).quantize(Decimal("0.000001"))


class KindOfEvidence(Definition):
    """Weight of a kind of evidence in the confidence, and the share from which on it counts in full."""

    weight: Part
    full_from_pct: Decimal = Field(gt=0, le=100, decimal_places=4)
    why: Why


class Shares(Definition):
    """Weights of declared revenue and recorded sales in a position share."""

    product: Count
    sales: Count
    why: Why


class ClassRanks(Definition):
    """Weights of a class's nodes, by the rank of the class among their classes."""

    weights: tuple[Count, ...] = Field(min_length=1)
    outside: Count
    why: Why


class Purchases(Definition):
    """How far a firm's purchases adjust shares that rest on its class alone."""

    base: Decimal = Field(gt=0, le=1, decimal_places=4)
    confirm_share_pct: Decimal = Field(gt=50, le=100, decimal_places=4)
    confirm_fit_pct: Percent
    why: Why


class Stray(Definition):
    """Limits from which on a declared product or a sale counts; below them it is stray."""

    of_class_pct: Percent
    of_division_pct: Percent
    alone_pct: Percent
    trades: Count
    years_told: Count
    why: Why

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.of_class_pct <= self.of_division_pct <= self.alone_pct:
            raise ValueError("of_class_pct, of_division_pct and alone_pct do not rise")
        return self


class Honour(Definition):
    """An honour at some levels."""

    honour: str
    levels: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.honour not in code_list("honour"):
            raise ValueError(f"unknown honour {self.honour}")
        if unknown := sorted(set(self.levels) - set(code_list("level"))):
            raise ValueError(f"unknown levels {', '.join(unknown)}")
        return self


class Honours(Definition):
    """Honours that count, and the weight of patents beside them."""

    champion: Honour
    little_giant: Honour
    patents_for_full: Count
    honour_part: Part
    why: Why


class Supplier(Definition):
    """Maximum length of a product's list of suppliers."""

    places: Count
    why: Why


class EvidenceModel(Definition):
    """Rules of the evidence that a firm is in a node."""

    kinds: dict[Kind, KindOfEvidence]
    shares: Shares
    class_ranks: ClassRanks
    purchases: Purchases
    stray: Stray
    honours: Honours

    @model_validator(mode="after")
    def _every_kind(self) -> Self:
        if lost := sorted(set(KINDS) - set(self.kinds)):
            raise ValueError(f"kinds: {', '.join(lost)} is missing")
        return self


class EvidenceFile(EvidenceModel):
    """``evidence.yml``: the same, and settings that other tables than the positions use."""

    source: Why
    lead_output_wan_yuan: Decimal = Field(gt=0, decimal_places=6)
    lead_why: Why
    supplier: Supplier


class Override(Definition):
    """A firm's positions in some years, as decided by people."""

    uscc: str = Field(min_length=1)
    positions: dict[str, Decimal] = Field(min_length=1)
    from_year: int = Field(ge=2000, le=2100)
    to_year: int | None = Field(default=None, ge=2000, le=2100)
    reason: Why
    document: Why

    @field_validator("positions")
    @classmethod
    def _whole(cls, positions: dict[str, Decimal]) -> dict[str, Decimal]:
        if min(positions.values()) <= 0 or sum(positions.values()) != 100:
            raise ValueError(f"shares are above 0 and sum to 100, not to {sum(positions.values())}")
        return positions

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.to_year is not None and self.to_year < self.from_year:
            raise ValueError("to_year lies before from_year")
        return self

    def holds_in(self, year: int) -> bool:
        return self.from_year <= year <= (self.to_year or year)


class Overrides(Definition):
    """All overrides; a firm has at most one in a year."""

    overrides: tuple[Override, ...] = ()

    @model_validator(mode="after")
    def _one_a_year(self) -> Self:
        for i, one in enumerate(self.overrides):
            for other in self.overrides[:i]:
                start = max(one.from_year, other.from_year)
                end = min(one.to_year or math.inf, other.to_year or math.inf)
                if one.uscc == other.uscc and start <= end:
                    raise ValueError(f"{one.uscc} has two overrides in {start}")
        return self


#: The table whose columns a rule of states may use: a row shows every figure that decided.
STATES = "chain.gap"
State = Literal["not_covered", "missing", "weak", "single_point", "no_output", "strong", "normal"]


class StateRule(Definition):
    """A state and its rule; without one it holds for every node."""

    state: State
    reason: str = Field(pattern="[a-z_]+")
    #: The parsed rule.
    when: Any = None
    why: Why

    @property
    def node(self) -> Node | None:
        return self.when  # type: ignore[no-any-return]

    @field_validator("when")
    @classmethod
    def _rule(cls, raw: Any) -> Node:
        return parse_node(raw, contract(STATES))


class StateRules(Definition, Rules):
    """Rules in their order; the last one holds for everything."""

    source: Why
    rules: tuple[StateRule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.rules[-1].node or any(not rule.node for rule in self.rules[:-1]):
            raise ValueError("the last rule, and only that, has no condition")
        reasons = [rule.reason for rule in self.rules]
        if twice := sorted({r for r in reasons if reasons.count(r) > 1}):
            raise ValueError(f"reason {twice[0]} is given twice")
        return self

    @property
    def hash(self) -> str:
        return digest(self.model_dump(mode="json"))

    def describe(self) -> list[RuleDocument]:
        title = Titles(zh="环节状态规则", en="States of nodes")
        assumed = (Assumption(field=f"rules.{rule.reason}", why=rule.why) for rule in self.rules)
        return [_document("chain-states", title, self.source, self, assumed)]

    def fingerprint(self, period: str) -> str:
        """The same in every period."""
        return self.hash

    def tables(self) -> Mapping[str, Iterable[Row]]:
        """``rules.state_condition``: every condition on a number, for the suite to judge whether it can be false."""
        return {"state_condition": [row for rule in self.rules for row in _conditions(rule)]}


def _conditions(rule: StateRule) -> Iterator[Row]:
    for c in conditions(rule.node) if rule.node else ():
        if c.op in NUMBERS:
            than = c.operand if isinstance(c.operand, Than) else None
            yield {
                "state": rule.state,
                "reason": rule.reason,
                "field": c.field,
                "op": c.op,
                "than": than.field if than else None,
                "operand": float(than.factor if than else c.operand),
            }


class Target(Definition, Rules):
    """The plan's target for all chains, and the path to it."""

    target_wan_yuan: Decimal = Field(gt=0, decimal_places=6)
    target_year: int
    base_year: int
    source: Why
    path: Literal["linear"]
    path_why: Why
    split_why: Why

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.base_year >= self.target_year:
            raise ValueError("base_year must lie before target_year")
        return self

    def describe(self) -> list[RuleDocument]:
        title = Titles(zh="标志性产业链目标", en="Target of the chains")
        return [_document("chain-target", title, self.source, self, _assumed(self))]

    def fingerprint(self, period: str) -> str:
        """The same in every period; without reasons."""
        return digest(_said(self))


class _RulesOnModels(Rules):
    """Rules from the chain models and the evidence file."""

    models: ChainModels

    def describe(self) -> list[RuleDocument]:
        evidence = evidence_model()
        title = Titles(zh="企业—环节证据模型", en="Evidence of positions")
        return [
            *self.models.describe(),
            _document("chain-evidence", title, evidence.source, evidence, _assumed(evidence)),
        ]


class ChainRules(_RulesOnModels):
    """Models, evidence and overrides: the rules of positions."""

    def __init__(self, models: ChainModels, evidence: EvidenceModel, overrides: Overrides) -> None:
        self.models = models
        self.evidence = evidence
        self.overrides = overrides
        nodes = {node.code for node in models.nodes} | {OUT}
        for given in overrides.overrides:
            if unknown := sorted(set(given.positions) - nodes):
                raise RejectedError(f"overrides.yml: {given.uscc} is put into unknown node {unknown[0]}")

    def describe(self) -> list[RuleDocument]:
        title = Titles(zh="人工认定环节", en="Positions that people decided")
        decided = _document("chain-overrides", title, OVERRIDES_SOURCE, self.overrides)
        return [*super().describe(), decided]

    def fingerprint(self, period: str) -> str:
        """Hash of everything that affects a year, or a month of it."""
        year = int(period[:4])
        return digest(
            [
                self.models.fingerprint(period),
                {name: _said(getattr(self.evidence, name)) for name in EvidenceModel.model_fields},
                [
                    o.model_dump(mode="json", exclude={"from_year", "to_year"})
                    for o in self.overrides.overrides
                    if o.holds_in(year)
                ],
            ]
        )


class MetricRules(_RulesOnModels):
    """Models and the output of a lead firm: the rules of figures of nodes and chains."""

    def __init__(self, models: ChainModels, lead_output_wan_yuan: Decimal) -> None:
        self.models = models
        self.lead_output_wan_yuan = lead_output_wan_yuan

    def fingerprint(self, period: str) -> str:
        return digest([self.models.fingerprint(period), str(self.lead_output_wan_yuan)])


class SupplierRules(_RulesOnModels):
    """Models and the length of a list of suppliers: the rules of that list."""

    def __init__(self, models: ChainModels, places: int) -> None:
        self.models = models
        self.places = places

    def fingerprint(self, period: str) -> str:
        return digest([self.models.fingerprint(period), self.places])


def _said(part: Any) -> Any:
    """The content of a rule without its reasons."""
    if isinstance(part, BaseModel):
        return _said(part.model_dump(mode="json"))
    if isinstance(part, dict):
        return {k: _said(v) for k, v in part.items() if k != "why" and not str(k).endswith("_why")}
    return part


def _assumed(part: Any, path: str = "") -> Iterator[Assumption]:
    """Every reason in a rule, with the field that it explains."""
    document = part.model_dump(mode="json") if isinstance(part, BaseModel) else part
    for name, value in document.items() if isinstance(document, dict) else ():
        place = f"{path}.{name}" if path else name
        if name == "why":
            yield Assumption(field=path, why=value)
        elif name.endswith("_why"):
            yield Assumption(field=place.removesuffix("_why"), why=value)
        else:
            yield from _assumed(value, place)


def _document(
    document_id: str, title: Titles, source: str, rule: BaseModel, assumed: Iterable[Assumption] = ()
) -> RuleDocument:
    return RuleDocument.of(document_id, KIND, title, source, rule.model_dump(mode="json"), assumed)


@cache
def evidence_model() -> EvidenceFile:
    """The evidence model shipped with the platform."""
    return read_definition(EvidenceFile, HERE / "evidence.yml", RejectedError)


@cache
def chain_rules() -> ChainRules:
    """Rules of positions."""
    return ChainRules(
        load(), evidence_model(), read_definition(Overrides, HERE / "overrides.yml", RejectedError)
    )


@cache
def metric_rules() -> MetricRules:
    """Rules of figures."""
    return MetricRules(load(), evidence_model().lead_output_wan_yuan)


@cache
def supplier_rules() -> SupplierRules:
    """Rules of the list of suppliers."""
    return SupplierRules(load(), evidence_model().supplier.places)


@cache
def state_rules() -> StateRules:
    """Rules of states."""
    return read_definition(StateRules, HERE / "state_rules.yml", RejectedError)


@cache
def target() -> Target:
    """The plan's target."""
    return read_definition(Target, HERE / "targets.yml", RejectedError)
