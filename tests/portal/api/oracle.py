"""Who may see which row and column, in plain Python over a whole release file.

Written from docs/operations/access.md, docs/concepts/consent.md and docs/concepts/what-a-figure-may-show.md, without
the portal's views: only what a contract says of a table (access key, sensitivities, counts) is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from portal.access.viewer import Viewer
from schemas.contract import Contract, contract

Row = dict[str, Any]

#: Columns with a firm that a row is about, and with the row's district.
FIRMS = ("uscc", "owner_uscc", "from_uscc", "seller_code", "claimants")
DISTRICTS = ("district_code", "reported_district_code")
PURPOSES = {
    "per_mu_evaluation": "per_mu_consent_code",
    "enterprise_profile": "profile_consent_code",
    "chain_analysis": "chain_consent_code",
}
OF_AREA = {"per_mu": "per_mu_evaluation", "profile": "enterprise_profile", "chain": "chain_analysis"}
OFFICES = ("city", "district", "town", "analyst", "application")


class Oracle:
    """What a viewer may see of a release."""

    def __init__(self, file: Path, day: date) -> None:
        self.day = day
        self._file = duckdb.connect(str(file), read_only=True)
        self._file.execute("SET TimeZone = 'UTC'")
        self._tables: dict[str, list[Row]] = {}

    def close(self) -> None:
        self._file.close()

    def whole(self, table: str) -> list[Row]:
        if table not in self._tables:
            cursor = self._file.execute(f"FROM {table}")
            names = [d[0] for d in cursor.description or []]
            self._tables[table] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return self._tables[table]

    # --- rows --------------------------------------------------------------------------------------------

    def rows(self, viewer: Viewer, table: str) -> list[Row]:
        """Rows with the columns that the viewer sees, and the flag of withheld statistics where it belongs."""
        spec = contract(table)
        columns = list(self.columns(viewer, spec))
        flagged = self.is_flagged(viewer, spec)
        found = []
        for row in self.whole(table):
            if not self._is_row_seen(viewer, spec, row):
                continue
            shown = {name: self._value(viewer, spec, row, name) for name in columns}
            if flagged:
                shown["statistics_withheld"] = not self.is_consented(spec, row)
                if any(shown[name] is None for name in spec.key):  # a tag that nobody may know
                    continue
            found.append(shown)
        return found

    def _is_row_seen(self, viewer: Viewer, spec: Contract, row: Row) -> bool:
        key = spec.access_key
        if key == "public" or viewer.role == "public":
            return key == "public"
        if viewer.role == "enterprise":
            if key == "district":
                return self._district(row) in self._districts_of(viewer.scope)
            return key != "official" and viewer.scope in _firms(row)
        if viewer.role == "town":
            return key == "town" and row["town_code"] == viewer.scope
        return not viewer.scope or key == "official" or (key != "uscc" and self._is_of(viewer.scope, row))

    def _is_of(self, district: str, row: Row) -> bool:
        if any(name in row for name in DISTRICTS):
            return self._district(row) == district
        return any((firm, _year(row)) in self._directory(district) for firm in _firms(row))

    @staticmethod
    def _district(row: Row) -> str | None:
        return next((row[name] for name in DISTRICTS if name in row), None)

    def _districts_of(self, uscc: str) -> set[str]:
        return {e["district_code"] for e in self.whole("core.enterprise") if e["uscc"] == uscc}

    def _directory(self, district: str) -> set[tuple[str, str | None]]:
        if district not in self._directories:
            firms = [e for e in self.whole("core.enterprise") if e["district_code"] == district]
            self._directories[district] = {(e["uscc"], str(e["year"])) for e in firms} | {
                (e["uscc"], None) for e in firms
            }
        return self._directories[district]

    @cached_property
    def _directories(self) -> dict[str, set[tuple[str, str | None]]]:
        return {}

    # --- columns -----------------------------------------------------------------------------------------

    def columns(self, viewer: Viewer, spec: Contract) -> Iterator[str]:
        """Columns of which the viewer sees a value in some row."""
        present = self.whole(spec.name)[:1]
        for column in spec.columns:
            if present and column.name not in present[0]:
                continue
            level = column.sensitivity
            if level == "personal":
                continue
            if (
                level == "public"
                or _is_own(viewer, spec)
                or (viewer.role in OFFICES and (level == "internal" or "statistics" in viewer.rights))
                or (level == "statistics" and self.is_flagged(viewer, spec))
            ):
                yield column.name

    @staticmethod
    def is_flagged(viewer: Viewer, spec: Contract) -> bool:
        names = spec.column_names
        return (
            viewer.role in OFFICES
            and "statistics" not in viewer.rights
            and any(name in names for name in ("uscc", "owner_uscc"))
            and any(name in names for name in ("year", "month"))
            and any(column.sensitivity == "statistics" for column in spec.columns)
        )

    def _value(self, viewer: Viewer, spec: Contract, row: Row, name: str) -> Any:
        column, value = spec.column(name), row[name]
        if _is_own(viewer, spec) or (viewer.role in OFFICES and "statistics" in viewer.rights):
            return value
        if column.sensitivity == "statistics":
            return value if self.is_consented(spec, row) else None
        disclosed = column.disclosed
        if disclosed and disclosed.counted_by:
            count = row[disclosed.counted_by]
            if count is not None and count < (disclosed.least_firms or 0):
                return None
        return value

    # --- consent -----------------------------------------------------------------------------------------

    def is_consented(self, spec: Contract, row: Row) -> bool:
        """Whether the statistics of the row's firm and year may be shown on the day."""
        firm = row["uscc"] if "uscc" in row else row["owner_uscc"]
        year = str(_year(row))
        purposes = [OF_AREA[spec.area]] if spec.area in OF_AREA else list(PURPOSES)
        return all(self._may(firm, year, purpose) for purpose in purposes)

    def _may(self, firm: str, year: str, purpose: str) -> bool:
        merged = self._members.get((firm, year), [])
        known = [(one, year) for one in merged if (one, year) in self._states]
        return all((one, purpose) in self._allowed for one in [(firm, year), *known])

    @cached_property
    def _states(self) -> Mapping[tuple[str, str], Row]:
        return {(s["uscc"], str(s["year"])): s for s in self.whole("core.consent_state")}

    @cached_property
    def _allowed(self) -> set[tuple[tuple[str, str], str]]:
        """Firm and year with each purpose for which its statistics may be shown."""
        found = {
            (key, purpose)
            for key, state in self._states.items()
            for purpose, column in PURPOSES.items()
            if state[column] == "not_needed"
        }
        for given in self.whole("core.consent"):
            key = (given["uscc"], str(given["year"]))
            ends = given["consent_end_date"]
            if key in self._states and given["consent_from_date"] <= self.day < (ends or date.max):
                found.add((key, given["consent_purpose_code"]))
        return found

    @cached_property
    def _members(self) -> dict[tuple[str, str], list[str]]:
        """Evaluation unit and year → the firms merged into it."""
        found: dict[tuple[str, str], list[str]] = {}
        for row in self.whole("per_mu.population"):
            unit = row["evaluation_uscc"]
            if unit and unit != row["uscc"] and row["unit_role_code"] != "inherits":
                found.setdefault((unit, str(row["year"])), []).append(row["uscc"])
        return found


def _is_own(viewer: Viewer, spec: Contract) -> bool:
    return viewer.role == "enterprise" and spec.access_key in ("uscc", "district_and_uscc", "town")


def _firms(row: Row) -> set[str]:
    found: set[str] = set()
    for name in FIRMS:
        value = row.get(name)
        found |= set(value) if isinstance(value, list) else {value} if value else set()
    return found


def _year(row: Row) -> str | None:
    if "year" in row:
        return str(row["year"])
    return row["month"][:4] if "month" in row else None
