"""Tag rules 标签规则: each tag's rule over the profile's fields, as validated data.

``jobs/rules/condition.py`` describes the language of the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from jobs.rules.base import Assumption, RuleDocument, Rules
from jobs.rules.condition import Node, check_field, parse_node
from schemas.contract import code_list, contract, digest
from schemas.definition import Definition, Titles, first_error, read_mapping
from schemas.errors import RejectedError

if TYPE_CHECKING:
    from pyspark.sql import Column

PROFILE = "profile.enterprise_profile"
KIND = Titles(zh="画像规则", en="profile rules")


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
        return parse_node(raw, contract(PROFILE))

    @model_validator(mode="after")
    def _known(self) -> Tag:
        if self.code not in code_list("tag"):
            raise ValueError("it has no title in schemas/codes/tag.csv")
        if self.kind not in code_list("tag_kind"):
            raise ValueError(f"unknown kind {self.kind}; see schemas/codes/tag_kind.csv")
        for name in self.evidence:
            check_field(name, contract(PROFILE))
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


def evidence_text(name: str) -> Column:
    """``field=value`` without trailing zeros; null where the field is missing."""
    from pyspark.sql import functions as F

    kind = check_field(name, contract(PROFILE))
    field = F.col(name)
    if kind.startswith("array"):
        # an empty list is no evidence
        value = F.when(F.size(field) > 0, F.concat_ws("+", field))
    elif kind.startswith("decimal"):
        value = F.rtrim(F.rtrim(field.cast("string"), F.lit("0")), F.lit("."))
    else:
        value = field.cast("string")
    return F.concat(F.lit(f"{name}="), value)
