"""Words of the pages on data: who may see what, cadences, states of feeds and deliveries, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping

from portal.queries.titles import Named

#: Access key of a contract → who sees its rows (docs/operations/access.md).
ACCESS: Mapping[str, tuple[str, str]] = {
    "public": ("任何人", "Everybody"),
    "official": ("市级与各区县部门", "The offices of the city and of all districts"),
    "district": ("市级部门，及本区县部门", "The city's offices and those of the row's district"),
    "uscc": ("市级部门，及所涉企业", "The city's offices and the firms that the row names"),
    "district_and_uscc": (
        "市级部门、本区县部门，及所涉企业",
        "The city's offices, those of the row's district, and the firms that the row names",
    ),
    "town": (
        "市级部门、本区县部门、本镇街，及所涉企业",
        "The city's offices, those of the row's district and town, and the firms that the row names",
    ),
}
SENSITIVITY: Mapping[str, tuple[str, str]] = {
    "public": ("公开", "public"),
    "internal": ("内部", "internal"),
    "statistics": ("统计", "statistics"),
    "personal": ("个人信息", "personal"),
}
LEGAL_BASIS: Mapping[str, tuple[str, str]] = {
    "administration": ("可用于行政管理", "For administration"),
    "authorisation": ("须企业授权", "With the firm's consent"),
    "statistics_only": ("仅限统计，展示须企业授权", "For statistics alone; shown with the firm's consent"),
}
CADENCE: Mapping[str, tuple[str, str]] = {
    "yearly": ("每年", "yearly"),
    "yearly_then_monthly": ("先年后月", "yearly, then monthly"),
    "monthly": ("每月", "monthly"),
    "daily": ("每日", "daily"),
    "continuous": ("实时", "continuous"),
    "irregular": ("不定期", "irregular"),
}
#: State of a feed → words and tone.
FEED_STATE: Mapping[str, tuple[str, str, str]] = {
    "on time": ("按时", "on time", "good"),
    "due": ("待报", "due", ""),
    "overdue": ("逾期", "overdue", "bad"),
    "never": ("从未报送", "never delivered", "bad"),
    "ended": ("不再报送", "ended", ""),
    "not connected": ("未接入", "not connected", ""),
}
DELIVERY_STATE: Mapping[str, tuple[str, str]] = {
    "counts": ("计入", "counts"),
    "counts in part": ("部分计入", "counts in part"),
    "superseded": ("已被替代", "superseded"),
    "held": ("暂不计入", "held"),
    "withdrawn": ("已撤回", "withdrawn"),
}
KIND: Mapping[str, tuple[str, str]] = {
    "came": ("新增", "came"),
    "went": ("消失", "went"),
    "changed": ("变化", "changed"),
}


def named(words: Mapping[str, tuple[str, ...]], code: str) -> Named:
    """The code with its words; the code itself where there are none, as for one of an older release."""
    zh, en, *_ = words.get(code, (code, code))
    return Named(code, zh, en)
