"""What the addresses of what-if take and give: structs, from which the OpenAPI document has its models."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from portal.queries import whatif_rows
from portal.queries.whatif_rows import Flow, Group, Sum


class WhatIfQuestion(msgspec.Struct, forbid_unknown_fields=True):
    """测算问题 What is asked: other values of fields of a rule set, by their dotted paths."""

    set: Annotated[
        dict[str, str | int | float | bool | list[str] | None],
        Meta(description="字段路径与取值，1至200项 paths of fields and their values, 1 to 200"),
    ]
    district: Annotated[
        str, Meta(max_length=100, description="区县，空为全部 district, such as 330282; all if empty")
    ] = ""
    year: Annotated[
        str, Meta(max_length=100, description="评价年度，空为最近 evaluation year; the latest if empty")
    ] = ""


class Answer(msgspec.Struct, forbid_unknown_fields=True):
    """内容 What an answer has."""


class WhatIfWaiting(Answer):
    """排队或计算中 A trial that waits or is being computed."""

    id: str
    state: str


class WhatIfAccepted(Answer):
    """已受理 A trial that was accepted, and the address of its answer."""

    id: str
    state: str
    address: str


class WhatIfRuleSet(Answer):
    """规则集 A rule set by its name and the hash of its content."""

    id: str
    hash: str


class WhatIfField(Answer):
    """改动的字段 A field in which the rule on trial differs."""

    field: str
    before: Any
    after: Any


class WhatIfRule(Answer):
    """区县规则 The rule of a district before and on trial."""

    district_code: str | None
    before: WhatIfRuleSet
    after: WhatIfRuleSet
    changed: list[WhatIfField]


class WhatIfCause(Answer):
    """变动原因 Firms by what moved them; where a score did, by indicator."""

    cause_code: str
    indicator_code: str | None
    through_code: str | None
    risen: int
    fallen: int


class WhatIfEdge(Answer):
    """临界 Units of a list, and those whose grade hangs on less than a point."""

    district_code: str
    list_code: str
    units: int
    before: int
    after: int


class WhatIfMover(Answer):
    """变动企业 A firm that moves, without figures that rest on its consent; page and ./brain whatif show these."""

    uscc: str
    enterprise_name: str | None
    district_code: str
    list_before: str | None
    list_after: str | None
    status_before: str | None
    status_after: str | None
    grade_before: str | None
    grade_after: str | None
    rank_before: int | None
    rank_after: int | None
    size_before: int | None
    size_after: int | None
    cause_code: str | None
    indicator_code: str | None
    through_code: str | None
    reason: str | None
    land_area_mu: Decimal | None
    tax_wan_yuan: Decimal | None
    relief_before: Decimal
    relief_after: Decimal
    surcharge_before: Decimal
    surcharge_after: Decimal

    @classmethod
    def of(cls, mover: whatif_rows.Mover) -> WhatIfMover:
        return cls(**{name: getattr(mover, name) for name in cls.__struct_fields__})


class WhatIfAnswer(Answer):
    """测算结果 What a trial moves; ``worth`` has what a grade is worth by the measures in force."""

    id: str
    state: Literal["done"]
    release: int
    year: str
    is_trial: bool
    made_at: str
    seconds: float
    worth: dict[str, Any]
    rules: list[WhatIfRule]
    flows: list[Flow]
    by_list: list[Group]
    sums: list[Sum]
    causes: list[WhatIfCause]
    edges: list[WhatIfEdge]
    movers: list[WhatIfMover]
