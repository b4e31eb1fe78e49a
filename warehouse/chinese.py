"""The schema ``cn`` of a release file: each published table as a view with Chinese names and titles instead of codes.

``cn."企业评价等级"`` has the rows of ``per_mu.enterprise_grade``. A column has the Chinese title of its field, without
the ending 代码 where the view shows titles. Units are in the comments, so that most names need no quotes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from schemas.coded import USCC, stand_ins, titled
from schemas.contract import Contract, published_contracts, spoken_lists
from schemas.field import Column, comment
from warehouse.duck import building, literal

SCHEMA = "cn"
_CODE = "代码"
#: Codes of a list from which on a join is faster than a map.
LARGE = 100


def view_name(spec: Contract) -> str:
    """The view of a table, as SQL names it.

    >>> from schemas.contract import contract
    >>> view_name(contract("per_mu.enterprise_grade"))
    'cn."企业评价等级"'
    """
    return f"{SCHEMA}.{_quoted(spec.title.zh)}"


def column_name(spec: Contract, column: Column) -> str:
    """The name of a column in the view of its table.

    >>> from schemas.contract import contract
    >>> spec = contract("core.enterprise")
    >>> [column_name(spec, spec.column(name)) for name in ("district_code", "zone_code", "uscc")]
    ['区县', '开发区', '统一社会信用代码']
    """
    is_titled = _titles(column) or _register_of(spec, column)
    return column.zh.removesuffix(_CODE) if is_titled else column.zh


@cache
def registers() -> dict[str, tuple[Contract, str]]:
    """Column with codes of objects that a published table registers by year → that table, and its column of names.

    >>> sorted((code, spec.name) for code, (spec, _) in registers().items())  # doctest: +NORMALIZE_WHITESPACE
    [('complex_code', 'core.service_complex'), ('group_code', 'per_mu.group_score'), ('park_code', 'core.park'),
     ('zone_code', 'core.zone')]
    """
    found = {}
    for spec in published_contracts():
        code, *more = (k for k in spec.key if k != spec.period)
        name = f"{code.removesuffix('_code')}_name"
        if not more and code.endswith("_code") and name in spec.column_names:
            found[code] = (spec, name)
    return found


def add_views(path: Path) -> None:
    """Add the schema ``cn`` to a release file that has its tables and the schema ``release``."""
    with building(path) as connection:
        connection.execute("BEGIN")  # one commit: each syncs the file
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        for spec in published_contracts():
            connection.execute(f"CREATE VIEW {view_name(spec)} AS {select(spec)}")
            of_table = f"{spec.title.zh} | {spec.title.en}. Titles instead of codes; with codes: {spec.name}."
            connection.execute(f"COMMENT ON VIEW {view_name(spec)} IS {literal(of_table)}")
            for column in spec.columns:
                of_column = f"{comment(column)} Column {column.name} of {spec.name}."
                connection.execute(
                    f"COMMENT ON COLUMN {view_name(spec)}.{_quoted(column_name(spec, column))} IS {literal(of_column)}"
                )
        connection.execute("COMMIT")


def select(spec: Contract) -> str:
    """The statement of a table's view.

    Titles are looked up in maps, one for each list: a map costs nothing where a query does not use its column, and the
    items of an array cannot be joined. A map is searched item by item, so a column of a large list joins it.
    """
    shown = ", ".join(f"{_shown(spec, c)} AS {_quoted(column_name(spec, c))}" for c in spec.columns)
    return " ".join([f"SELECT {shown} FROM {spec.name} t", *_joins(spec)])


def _joins(spec: Contract) -> Iterator[str]:
    coded = [c for c in spec.columns if _titles(c)]
    if lists := sorted({str(c.domain.codes) for c in coded if not _is_joined(c)}):
        maps = ", ".join(
            f"map(list(code) FILTER (list = '{name}'), list(zh) FILTER (list = '{name}')) AS {name}"
            for name in lists
        )
        yield f"CROSS JOIN (SELECT {maps} FROM release.code) titles"
    for column in spec.columns:
        if register := _register_of(spec, column):
            table, _ = register
            yield (
                f"LEFT JOIN {table.name} of_{column.name} ON of_{column.name}.{column.name} = t.{column.name} "
                f"AND of_{column.name}.{table.period} = t.{table.period}"
            )
    for column in coded:
        if _is_joined(column):
            of_list = f"SELECT code, zh FROM release.code WHERE list = '{column.domain.codes}'"
            yield f"LEFT JOIN ({of_list}) of_{column.name} ON of_{column.name}.code = t.{column.name}"


def _register_of(spec: Contract, column: Column) -> tuple[Contract, str] | None:
    """The table with the names of a column's objects, if it is another one and has the same periods."""
    found = registers().get(column.name)
    return found if found and found[0] is not spec and found[0].period in spec.column_names else None


def _shown(spec: Contract, column: Column) -> str:
    """A column, or the titles of its codes; a code without a title is shown itself."""
    name = f"t.{column.name}"
    if register := _register_of(spec, column):
        return f"coalesce(of_{column.name}.{register[1]}, {name})"
    if not _titles(column):
        return name
    if _is_joined(column):
        return f"coalesce(of_{column.name}.zh, {name})"
    if not _is_array(column):
        return f"coalesce({_found(column, name)}, {name})"
    return f"list_transform({name}, lambda code: coalesce({_found(column, 'code')}, code))"


def _found(column: Column, code: str) -> str:
    """The title of a code; of a code with a firm the title of the code without it, then the firm."""
    titles = f"titles.{column.domain.codes}"
    found = f"{titles}[{code}]"
    for pattern, stand_in in stand_ins(str(column.domain.codes)).items():
        if stand_in == f":{USCC}":
            of_firm = f"{titles}[regexp_replace({code}, {literal(pattern)}, '{stand_in}')]"
            found = f"coalesce({found}, {of_firm} || '：' || split_part({code}, ':', 2))"
    return found


def _titles(column: Column) -> bool:
    """Whether the view shows titles instead of the column's codes."""
    return column.domain.codes is not None and column.domain.codes not in spoken_lists()


def _is_joined(column: Column) -> bool:
    return not _is_array(column) and len(titled(str(column.domain.codes))) > LARGE


def _is_array(column: Column) -> bool:
    return column.type.startswith("array")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
