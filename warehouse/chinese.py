"""The schema ``cn`` of a release file: each published table as a view with Chinese names and titles instead of codes.

``cn."企业评价等级"`` has the rows of ``per_mu.enterprise_grade``. A column has the Chinese title of its field, without
the ending 代码 where the view shows the title of a code. Units are in the comments, so that most names need no quotes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from schemas.coded import USCC, stand_ins
from schemas.contract import Contract, published_contracts
from schemas.field import Column, comment
from warehouse.duck import connect, literal

SCHEMA = "cn"
_CODE = "代码"


def view_name(spec: Contract) -> str:
    """The view of a table, as SQL names it.

    >>> from schemas.contract import contract
    >>> view_name(contract("per_mu.enterprise_grade"))
    'cn."企业评价等级"'
    """
    return f"{SCHEMA}.{_quoted(spec.title.zh)}"


def column_name(column: Column) -> str:
    """The name of a column in the view of its table.

    >>> from schemas.contract import contract
    >>> [column_name(contract("per_mu.enterprise_grade").column(c)) for c in ("district_code", "uscc")]
    ['区县', '统一社会信用代码']
    """
    return column.zh.removesuffix(_CODE) if column.domain.codes else column.zh


def add_views(path: Path) -> None:
    """Add the schema ``cn`` to a release file that has its tables and the schema ``release``."""
    with connect(path) as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        for spec in published_contracts():
            connection.execute(f"CREATE VIEW {view_name(spec)} AS {select(spec)}")
            of_table = f"{spec.title.zh} | {spec.title.en}. Titles instead of codes; with codes: {spec.name}."
            connection.execute(f"COMMENT ON VIEW {view_name(spec)} IS {literal(of_table)}")
            for column in spec.columns:
                of_column = f"{comment(column)} Column {column.name} of {spec.name}."
                connection.execute(
                    f"COMMENT ON COLUMN {view_name(spec)}.{_quoted(column_name(column))} IS {literal(of_column)}"
                )


def select(spec: Contract) -> str:
    """The statement of a table's view.

    A column of codes joins its list. Items of an array are looked up in a map of the list, since a lambda cannot join;
    a map is searched item by item, so a join is faster for columns of large lists.
    """
    shown = ", ".join(f"{_shown(c)} AS {_quoted(column_name(c))}" for c in spec.columns)
    return " ".join([f"SELECT {shown} FROM {spec.name} t", *_joins(spec)])


def _joins(spec: Contract) -> Iterator[str]:
    for column in spec.columns:
        if not column.domain.codes:
            continue
        codes = f"FROM release.code WHERE list = {literal(column.domain.codes)}"
        if _is_array(column):
            yield f"CROSS JOIN (SELECT map(list(code), list(zh)) AS titles {codes}) {_list_of(column)}"
        else:
            yield f"LEFT JOIN (SELECT code, zh {codes}) {_list_of(column)} ON {_list_of(column)}.code = t.{column.name}"


def _shown(column: Column) -> str:
    """A column, or the titles of its codes; a code that the list lacks is shown itself."""
    if not column.domain.codes:
        return f"t.{column.name}"
    if not _is_array(column):
        return f"coalesce({_list_of(column)}.zh, t.{column.name})"
    titles = f"{_list_of(column)}.titles"
    found = f"{titles}[code]"
    if f":{USCC}" in stand_ins(column.domain.codes).values():
        # the title of the code without the firm, then the firm
        [pattern] = [p for p, stand_in in stand_ins(column.domain.codes).items() if stand_in == f":{USCC}"]
        of_firm = f"{titles}[regexp_replace(code, {literal(pattern)}, ':{USCC}')]"
        found = f"{found}, {of_firm} || '：' || split_part(code, ':', 2)"
    return f"list_transform(t.{column.name}, lambda code: coalesce({found}, code))"


def _is_array(column: Column) -> bool:
    return column.type.startswith("array")


def _list_of(column: Column) -> str:
    """Alias of the column's code list in the statement."""
    return f"of_{column.name}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
