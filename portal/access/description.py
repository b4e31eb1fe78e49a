"""The schema ``release`` as a viewer may see it: what a release says of itself."""

from __future__ import annotations

import duckdb

from portal.access.viewer import Cut

#: Tables that every viewer sees, and those that offices see.
_FOR_ALL = ("info", "code", "dictionary", "rule_set", "assumption")
_FOR_OFFICES = ("verdict", "delivery", "quarantine", "correction")
_OFFICES = ("city", "district", "analyst", "application")


def of_description(file: str, table: str, cut: Cut) -> str:
    """SQL of a table of the schema ``release``.

    Keys of rows that failed a check name firms of every district, with figures of theirs.
    """
    is_office = cut.role in _OFFICES
    if table == "verdict" and is_office and (cut.scope or not cut.sees_statistics):
        return f"SELECT * REPLACE (NULL::VARCHAR[] AS failing_keys) FROM {file}.release.verdict"
    is_seen = table in _FOR_ALL or (is_office and table in _FOR_OFFICES)
    return f"SELECT * FROM {file}.release.{table} WHERE {is_seen}"


def tables_of(connection: duckdb.DuckDBPyConnection, file: str) -> dict[str, list[str]]:
    """Table → columns of an attached release, without its Chinese views."""
    rows = connection.execute(
        """SELECT schema_name || '.' || table_name, list(column_name ORDER BY column_index)
        FROM duckdb_columns() WHERE database_name = ? AND schema_name <> 'cn' GROUP BY ALL ORDER BY ALL""",
        [file],
    ).fetchall()
    return dict(rows)
