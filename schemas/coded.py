"""Values of columns with codes, each with its titles in both languages.

A column's domain names a list. Most lists are files, ``schemas/codes/<list>.csv``. Where a detail follows a code after
a colon (``veto:tax_evasion``), the file's column ``detail`` says what it is: a list, several lists joined by colons, or
``uscc``, the credit code of a firm. Lists that follow from other definitions are built here, so that nobody maintains
them twice: feeds, nodes of chains, combinations of lists. The gate, the release file and the screens all read
:func:`titled`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, reduce

from schemas.contract import (
    CHAINS,
    ContractError,
    code_list,
    code_lists,
    feeds,
    lists_together,
    schema_folders,
    shown,
)
from schemas.definition import Titles, read_mapping

#: Detail of a code that ends with the credit code of a firm, such as ``inherited:91330200…``.
USCC = "uscc"
#: Part of a value that no list can name → its placeholder in the list: a firm, and a column that a feed once had.
_STAND_INS = {":[0-9A-Z]{18}$": f":{USCC}", "^[a-z0-9_]+:": "column:"}

Codes = Mapping[str, Titles]


def value_lists() -> list[str]:
    """Names of all lists that a column may name."""
    return sorted({*code_lists(), *lists_together(), *_MADE})


@cache
def titled(name: str) -> Codes:
    """Every value that a column of the list may have, with its titles.

    Raises:
        ContractError: no such list exists.
    """
    if name in _MADE:
        return _MADE[name]()
    if several := lists_together().get(name):
        return reduce(lambda found, one: {**titled(one), **found}, several, dict[str, Titles]())
    return dict(_of_file(name))


def title(name: str, code: str) -> Titles:
    """The titles of a value; the value itself where the list lacks it, as for an older release.

    >>> title("grade_reason", "veto:tax_evasion").zh
    '一票否决：偷逃税'
    >>> title("grade_reason", "inherited:91330203MA7FDR5A3W").zh
    '随宗地主评价：91330203MA7FDR5A3W'
    """
    known = titled(name)
    if code in known:
        return known[code]
    for pattern, stand_in in stand_ins(name).items():
        if found := known.get(re.sub(pattern, stand_in, code)):
            head, _, tail = code.partition(":")
            if stand_in.endswith(":"):
                return Titles(zh=f"{head}{found.zh}", en=f"{head} {found.en}")
            return Titles(zh=f"{found.zh}：{tail}", en=f"{found.en}: {tail}")
    return Titles(zh=code, en=code)


def stand_ins(name: str) -> dict[str, str]:
    """Pattern of a part of a value → its placeholder, for those placeholders that the list uses."""
    codes = titled(name)
    return {
        pattern: stand_in
        for pattern, stand_in in _STAND_INS.items()
        if any(stand_in in code for code in codes)
    }


# --- lists in files --------------------------------------------------------------------------------------


def _of_file(name: str) -> Iterator[tuple[str, Titles]]:
    for code, row in code_list(name).items():
        own = Titles(zh=row["zh"].strip(), en=row["en"].strip())
        if not (detail := row.get("detail")):
            yield code, own
        elif detail == USCC:
            yield f"{code}:{USCC}", own
        else:
            of_detail = reduce(_each_with_each, map(titled, detail.split(":")))
            yield from _each_with_each({code: own}, of_detail).items()


def _each_with_each(heads: Codes, details: Codes) -> Codes:
    return {
        f"{code}:{more}": Titles(zh=f"{head.zh}：{detail.zh}", en=f"{head.en}: {detail.en}")
        for code, head in heads.items()
        for more, detail in details.items()
    }


# --- lists built from other definitions ------------------------------------------------------------------


def _feeds() -> Codes:
    """Feeds, and groups of feeds that tables name as one."""
    return {**{name: spec.title for name, spec in feeds().items()}, **titled("feed_group")}


def _nodes() -> Codes:
    """Nodes of all chain models of all years, and OUT, outside the chains."""
    found = {"OUT": titled("chain_outside")["OUT"]}
    for folder in schema_folders():
        for path in sorted((folder / CHAINS).glob("*.yml")):
            model = read_mapping(path, ContractError, shown(path))
            try:
                found |= {node["code"]: Titles(**node["title"]) for node in model["nodes"]}
            except (LookupError, TypeError, ValueError):
                raise ContractError(
                    f"{shown(path)}: its nodes need code and title; ./brain check says more"
                ) from None
    return found


def _industries() -> Codes:
    """Divisions, groups and classes of industry, by two, three or four digits."""
    return {**titled("industry_division"), **titled("industry_group"), **titled("industry_class")}


def _peers() -> Codes:
    divisions, sizes = titled("industry_division"), titled("size_class")
    both = {
        f"{d}/{s}": Titles(zh=f"{of.zh}（{size.zh}）", en=f"{of.en} ({size.en.lower()})")
        for d, of in divisions.items()
        for s, size in sizes.items()
    }
    return {"city": titled("peer_level")["city"], **divisions, **sizes, **both}


def _quarantine_reasons() -> Codes:
    """Faults of complete records, and each column of a feed with each rule; old records name removed columns."""
    columns = {c.name: c for spec in feeds().values() for c in spec.columns}
    rules = titled("quarantine_rule")
    of_columns = {
        f"{name}:{rule}": Titles(zh=f"{column.zh}{said.zh}", en=f"{column.en} {said.en}")
        for name, column in columns.items()
        for rule, said in rules.items()
    }
    return {
        **of_columns,
        **{f"column:{rule}": said for rule, said in rules.items()},
        **titled("quarantine_record"),
    }


_MADE: Mapping[str, Callable[[], Codes]] = {
    "chain_node": _nodes,
    "feed": _feeds,
    "industry_prefix": _industries,
    "peer_group": _peers,
    "quarantine_reason": _quarantine_reasons,
}
