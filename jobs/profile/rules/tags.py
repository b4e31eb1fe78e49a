"""Tag rules 标签规则: a small language of conditions over the profile's fields, compiled only to Spark columns.

``tags.yml`` describes the language. Every name and code in a rule is checked when the file is read.

The module is one, above 300 lines: the language, its parser and its compiler belong together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from jobs.rules.base import Assumption, RuleDocument, Rules
from schemas.contract import code_list, contract, digest
from schemas.definition import Definition, Titles, first_error, read_mapping
from schemas.errors import RejectedError

if TYPE_CHECKING:
    from pyspark.sql import Column

PROFILE = "profile.enterprise_profile"
KIND = Titles(zh="画像规则", en="profile rules")
#: Lists of codes of the profile → their code list.
LISTS_OF_CODES = {"case_codes": "penalty", "open_listing_codes": "credit", "risk_reasons": "risk_reason"}
NUMBERS = ("eq", "ge", "gt", "le", "lt")
TEXTS = ("is", "is_not", "in")
ABSENCE = ("known", "unknown")
OPERATORS = (*NUMBERS, *TEXTS, *ABSENCE, "contains")

#: Three-valued, as in SQL: null where the result is unknown.
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": lambda a, b: a == b,
    "ge": lambda a, b: a >= b,
    "gt": lambda a, b: a > b,
    "le": lambda a, b: a <= b,
    "lt": lambda a, b: a < b,
    "is": lambda a, b: a == b,
    "is_not": lambda a, b: a != b,
}


@dataclass(frozen=True)
class Than:
    """Another field times a factor."""

    field: str
    factor: Decimal


@dataclass(frozen=True)
class Condition:
    """One field compared with an operand."""

    field: str
    op: str
    operand: Any


@dataclass(frozen=True)
class Several:
    """All of the parts, or any of them."""

    how: Literal["all", "any"]
    parts: tuple[Condition | Several, ...]


Node = Condition | Several


def conditions(node: Node) -> Iterator[Condition]:
    """Every condition of a rule."""
    if isinstance(node, Condition):
        yield node
    else:
        for part in node.parts:
            yield from conditions(part)


# --- reading -----------------------------------------------------------------------------------------------


def parse_node(raw: Any) -> Node:
    """A rule from its mapping.

    Raises:
        ValueError: it is not well formed; the message names field and fault.
    """
    if not isinstance(raw, Mapping):
        raise ValueError(f"a condition is a mapping, not {raw!r}")
    for how in ("all", "any"):
        if how in raw:
            parts = raw[how]
            if len(raw) != 1 or not isinstance(parts, list) or not parts:
                raise ValueError(f"{how} stands alone and has a list of conditions")
            return Several(how, tuple(parse_node(part) for part in parts))
    ops = [key for key in raw if key != "field"]
    if not isinstance(raw.get("field"), str) or len(ops) != 1:
        raise ValueError(f"a condition has a field and one operator, not {sorted(map(str, raw))}")
    if ops[0] not in OPERATORS:
        raise ValueError(f"unknown operator {ops[0]}; there are {', '.join(OPERATORS)}")
    return _condition(raw["field"], ops[0], raw[ops[0]])


def check_field(name: str) -> str:
    """The field's type."""
    try:
        return next(c.type for c in contract(PROFILE).columns if c.name == name)
    except StopIteration:
        raise ValueError(f"unknown field {name}; {PROFILE} does not have it") from None


def is_number(kind: str) -> bool:
    return kind.startswith("decimal") or kind in ("int", "bigint")


def _condition(field: str, op: str, raw: Any) -> Condition:
    kind = check_field(field)
    if op in ABSENCE:
        if raw is not True:
            raise ValueError(f"{field}: {op} takes true and nothing else")
        return Condition(field, op, None)
    if op in NUMBERS:
        if not is_number(kind):
            raise ValueError(f"{field}: {op} compares numbers, the field is {kind}")
        return Condition(field, op, _number(field, raw))
    if op == "contains":
        if field not in LISTS_OF_CODES:
            raise ValueError(f"{field}: contains is for {', '.join(LISTS_OF_CODES)}")
        return Condition(field, op, _code(field, LISTS_OF_CODES[field], raw))
    if kind not in ("string", "boolean"):
        raise ValueError(f"{field}: {op} is for texts and truth values, the field is {kind}")
    if op == "in":
        if not isinstance(raw, list) or not raw:
            raise ValueError(f"{field}: in takes a list")
        return Condition(field, op, tuple(_value(field, kind, value) for value in raw))
    return Condition(field, op, _value(field, kind, raw))


def _number(field: str, raw: Any) -> Decimal | Than:
    if isinstance(raw, Mapping):
        if "than" not in raw or set(raw) - {"than", "factor"}:
            raise ValueError(f"{field}: another field is given as {{than: field, factor: number}}")
        if not is_number(check_field(raw["than"])):
            raise ValueError(f"{field}: {raw['than']} is no number")
        return Than(raw["than"], _plain(field, raw.get("factor", 1)))
    return _plain(field, raw)


def _plain(field: str, raw: Any) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal):
        raise ValueError(f"{field}: {raw!r} is no number")
    return Decimal(raw)


def _value(field: str, kind: str, raw: Any) -> Any:
    if kind == "boolean":
        if not isinstance(raw, bool):
            raise ValueError(f"{field}: {raw!r} is neither true nor false")
        return raw
    codes = contract(PROFILE).column(field).domain.codes
    return _code(field, codes, raw) if codes else str(raw)


def _code(field: str, codes: str, raw: Any) -> str:
    if str(raw) not in code_list(codes):
        raise ValueError(f"{field}: unknown code {raw}; see schemas/codes/{codes}.csv")
    return str(raw)


class Tag(Definition):
    """One tag: kind, rule, and the fields shown as its evidence."""

    code: str
    kind: str
    #: The parsed rule.
    when: Any
    evidence: tuple[str, ...] = Field(min_length=1)
    source: str | None = None
    valid_from: int | None = Field(default=None, ge=2000, le=2100)
    valid_to: int | None = Field(default=None, ge=2000, le=2100)

    @property
    def node(self) -> Node:
        return self.when  # type: ignore[no-any-return]

    @field_validator("when")
    @classmethod
    def _rule(cls, raw: Any) -> Node:
        return parse_node(raw)

    @model_validator(mode="after")
    def _known(self) -> Tag:
        if self.code not in code_list("tag"):
            raise ValueError("it has no title in schemas/codes/tag.csv")
        if self.kind not in code_list("tag_kind"):
            raise ValueError(f"unknown kind {self.kind}; see schemas/codes/tag_kind.csv")
        for name in self.evidence:
            check_field(name)
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise ValueError("valid_from is after valid_to")
        return self

    def holds_in(self, period: str) -> bool:
        return (self.valid_from or 0) <= int(period[:4]) <= (self.valid_to or 9999)


class TagRules(Rules):
    """All tags, in the order of the file."""

    def __init__(self, tags: Mapping[str, Tag]) -> None:
        self.tags = tuple(tags.values())

    def describe(self) -> list[RuleDocument]:
        """All tags as one document."""
        title = Titles(zh="企业标签规则", en="Tags of enterprises")
        source = "各标签所列依据 the source that each tag names"
        content = {tag.code: tag.model_dump(mode="json", exclude={"code"}) for tag in self.tags}
        own = "阈值未注明依据，为平台设定 a threshold without a source is the platform's own"
        assumed = [Assumption(field=tag.code, why=own) for tag in self.tags if not tag.source]
        return [RuleDocument.of("profile-tags", KIND, title, source, content, assumed)]

    def fingerprint(self, period: str) -> str:
        """Hash of the tags that hold in the period, without titles, sources and years of validity."""
        untold = {"source", "valid_from", "valid_to"}
        return digest(
            [tag.model_dump(mode="json", exclude=untold) for tag in self.tags if tag.holds_in(period)]
        )


def load(path: Path = Path(__file__).parent / "tags.yml") -> TagRules:
    """The tags of a file.

    Raises:
        RejectedError: a tag is not well formed or has no rule; the line names file, tag and fault.
    """
    found: dict[str, Tag] = {}
    for code, raw in read_mapping(path, RejectedError).items():
        if not isinstance(raw, Mapping):
            raise RejectedError(f"{path.name}: {code}: not a mapping")
        try:
            found[code] = Tag.model_validate({**raw, "code": code})
        except ValidationError as error:
            raise RejectedError(f"{path.name}: {code}: {first_error(error)}") from None
    if without := [code for code in code_list("tag") if code not in found]:
        raise RejectedError(f"{path.name}: no rule for {', '.join(without)}, which schemas/codes/tag.csv has")
    return TagRules(found)


@cache
def tag_rules() -> TagRules:
    """The tags shipped with the platform."""
    return load()


# --- compiling ---------------------------------------------------------------------------------------------


def compiled(node: Node) -> Column:
    """The rule as a truth value; null where it is unknown."""
    if isinstance(node, Several):
        parts = [compiled(part) for part in node.parts]
        return reduce((lambda a, b: a & b) if node.how == "all" else (lambda a, b: a | b), parts)
    return _compiled(node)


def _compiled(condition: Condition) -> Column:
    from pyspark.sql import functions as F

    field, operand = F.col(condition.field), condition.operand
    if condition.op == "known":
        return field.isNotNull()
    if condition.op == "unknown":
        return field.isNull()
    if condition.op == "contains":
        return F.array_contains(field, operand)
    if condition.op == "in":
        return field.isin(*operand)
    if isinstance(operand, Than):
        other = F.col(operand.field)
        return _COMPARE[condition.op](field, other if operand.factor == 1 else other * F.lit(operand.factor))  # type: ignore[no-any-return]
    return _COMPARE[condition.op](field, F.lit(operand))  # type: ignore[no-any-return]


def evidence_text(name: str) -> Column:
    """``field=value`` without trailing zeros; null where the field is missing."""
    from pyspark.sql import functions as F

    kind = check_field(name)
    field = F.col(name)
    if kind.startswith("array"):
        # an empty list is no evidence
        value = F.when(F.size(field) > 0, F.concat_ws("+", field))
    elif kind.startswith("decimal"):
        value = F.rtrim(F.rtrim(field.cast("string"), F.lit("0")), F.lit("."))
    else:
        value = field.cast("string")
    return F.concat(F.lit(f"{name}="), value)
