"""The rows of a what-if's answer 测算结果: which firms are looked at, flows, groups, sums, firms that move."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from portal.queries.titles import Named
from warehouse.duck import literal

GRADES = "ABCD"
#: Why a firm moves, in the order in which the reasons are tested.
CAUSES = {
    code: Named(code, zh, en)
    for code, zh, en in (
        ("status", "评价状态变化", "Another status"),
        ("list", "换了名单或行业分组", "Another list or group"),
        ("unit", "评价单元变化", "Another unit of evaluation"),
        ("veto", "否决、保护或递补", "Veto, protection or refilled place"),
        ("quota", "分档比例变化", "The quota"),
        ("score", "自身得分变化", "Its own score"),
        ("displaced", "被他企超越或他企后退", "Others moved past it"),
    )
}
#: What moved a score.
THROUGH = {
    code: Named(code, zh, en)
    for code, zh, en in (
        ("weight", "权重", "weight"),
        ("value", "指标值", "value"),
        ("baseline", "基准值", "baseline"),
        ("limit", "封顶、保底或缺失规则", "cap, floor or rule for missing values"),
        ("points", "加减分", "bonus and penalty points"),
    )
}


@dataclass(frozen=True)
class Chosen:
    """The firms that are looked at; an empty text chooses all."""

    district: str = ""
    list: str = ""
    before: str = ""
    after: str = ""
    cause: str = ""

    def sql(self) -> str:
        of_list = "coalesce(list_after, list_before)"
        pairs = (("district_code", self.district), (of_list, self.list), ("cause_code", self.cause))
        tests = [f"{column} = {literal(value)}" for column, value in pairs if value]
        for column, grade in (("grade_before", self.before), ("grade_after", self.after)):
            if grade:
                tests.append(f"{column} IS NULL" if grade == "none" else f"{column} = {literal(grade)}")
        return " AND ".join(tests) or "true"


EVERYBODY = Chosen()


@dataclass(frozen=True)
class Flow:
    """Firms of a grade before and a grade after; ``None`` is no grade."""

    before: str | None
    after: str | None
    firms: int


@dataclass(frozen=True)
class Side:
    """A group before or after: firms by grade, and the money that hangs on grades, in 万元."""

    grades: dict[str, int]
    graded: int
    #: Relief of the land-use tax, and what the power price's step brings.
    relief_wan_yuan: Decimal
    surcharge_wan_yuan: Decimal


@dataclass(frozen=True)
class Group:
    """A district or a list, or all of them: both sides, and how many firms move."""

    district_code: str | None
    list_code: str | None
    before: Side
    after: Side
    risen: int
    fallen: int
    #: Firms that have a grade on one side only.
    entered: int
    left: int


@dataclass(frozen=True)
class Sum:
    """Firms that rise or fall: their land, tax and value added. Sums of fewer than three firms are missing."""

    direction: str
    firms: int
    land_mu: Decimal | None
    tax_wan_yuan: Decimal | None
    value_added_wan_yuan: Decimal | None


@dataclass(frozen=True)
class Mover:
    """A firm whose grade or status moves, and why (``portal/what_if/movement.py``)."""

    uscc: str
    enterprise_name: str | None
    district_code: str
    list_before: str | None
    list_after: str | None
    status_before: str | None
    status_after: str | None
    grade_before: str | None
    grade_after: str | None
    total_before: Decimal | None
    total_after: Decimal | None
    rank_before: int | None
    rank_after: int | None
    size_before: int | None
    size_after: int | None
    cause_code: str | None
    indicator_code: str | None
    through_code: str | None
    score_change: Decimal | None
    reason: str | None
    land_area_mu: Decimal | None
    tax_wan_yuan: Decimal | None
    value_added_wan_yuan: Decimal | None
    relief_before: Decimal
    relief_after: Decimal
    surcharge_before: Decimal
    surcharge_after: Decimal
