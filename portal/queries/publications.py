"""Releases 发布 as a timeline, what is new in one, and the publication that the gate refused last."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from portal.queries.gate import Verdict
from portal.queries.release import Query
from portal.queries.titles import Named
from schemas.contract import contracts, feeds
from schemas.errors import UserError
from warehouse.releases import open_release, release_numbers
from warehouse.settings import settings

#: Report that every run of the gate leaves in the logs; the next run replaces it.
GATE_REPORT = "gate.json"


@dataclass(frozen=True)
class Held:
    """A table in a release: its content, its rows, and the gate's checks of it."""

    content_hash: str
    rows: int
    checks: int
    failed: int


@dataclass(frozen=True)
class Publication:
    """A release that is kept."""

    number: int
    created_at: str
    rollback_of: int | None
    code_version: str
    tables: Mapping[str, Held]
    rule_sets: Mapping[str, str]
    checks: int
    warnings: int

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())


@dataclass(frozen=True)
class Entry:
    """A release in the timeline, none if it is damaged, and its tables with other content than before."""

    number: int
    publication: Publication | None
    changed: tuple[str, ...]
    is_first: bool


@dataclass(frozen=True)
class Delivered:
    """Deliveries of a feed that came into force with a release."""

    feed: Named
    deliveries: int
    first_period: str
    last_period: str
    records: int
    quarantined: int


@dataclass(frozen=True)
class RuleSet:
    """A rule set of a release, and whether the release before had another or none."""

    id: str
    title: Named
    area: str
    source: str
    hash: str
    is_changed: bool


@dataclass(frozen=True)
class Refused:
    """The last publication, which the gate refused: when, and the checks that failed."""

    at: datetime
    checks: int
    failures: tuple[Verdict, ...]
    warnings: tuple[Verdict, ...]


# --- timeline --------------------------------------------------------------------------------------------


def timeline() -> list[Entry]:
    """All releases, the latest first."""
    entries: list[Entry] = []
    before: Publication | None = None
    for number in release_numbers():
        found = publication(number)
        changed = changed_tables(before, found) if found and before else ()
        entries.append(Entry(number, found, changed, before is None))
        before = found or before
    return entries[::-1]


def publication(number: int) -> Publication | None:
    """A release by its manifest; ``None`` if it is damaged or does not exist."""
    folder = settings().releases
    try:
        manifest = folder / f"manifest-{number}.json"
        found, file, size = _publication(number, str(manifest), manifest.stat().st_mtime_ns)
        return found if (folder / file).stat().st_size == size else None
    except (UserError, OSError, KeyError, TypeError):
        return None


@lru_cache(maxsize=256)
def _publication(number: int, _path: str, _written: int) -> tuple[Publication, str, int]:
    """A release, which never changes, with the name and size of its file, which may be lost."""
    release = open_release(number)
    manifest = release.manifest
    verdicts = manifest["gate"]["verdicts"]
    checks = Counter(verdict["table"] for verdict in verdicts)
    failed = Counter(verdict["table"] for verdict in verdicts if not verdict["success"])
    found = Publication(
        number=number,
        created_at=manifest["created_at"],
        rollback_of=manifest.get("rollback_of"),
        code_version=manifest["code_version"],
        tables={
            name: Held(entry["content_hash"], entry["rows"], checks[name], failed[name])
            for name, entry in sorted(manifest["tables"].items())
        },
        rule_sets=manifest["rule_sets"],
        checks=len(verdicts),
        warnings=failed.total(),
    )
    return found, release.file.name, release.file.stat().st_size


def changed_tables(before: Publication, after: Publication) -> tuple[str, ...]:
    """Tables whose content differs, those that came or went among them."""
    names = sorted({*before.tables, *after.tables})
    return tuple(
        name
        for name in names
        if name not in before.tables
        or name not in after.tables
        or before.tables[name].content_hash != after.tables[name].content_hash
    )


def release_before(number: int) -> int | None:
    """The release before, among those that are kept and whole."""
    earlier = (one for one in reversed(release_numbers()) if one < number)
    return next((one for one in earlier if publication(one)), None)


def quality_history(table: str, most: int) -> list[tuple[Publication, Held]]:
    """The last releases with the table, the latest first."""
    known = (
        (entry.publication, entry.publication.tables.get(table)) for entry in timeline() if entry.publication
    )
    return [(found, held) for found, held in known if held][:most]


# --- one release -----------------------------------------------------------------------------------------


def delivered(query: Query, before: Query | None) -> list[Delivered]:
    """Deliveries in force in a release and not in the one before, by feed; none for who may not see the register."""
    known = _in_force(before) if before else set()
    rows = query(
        "SELECT feed, delivery_id, period, records_in, records_quarantined FROM release.delivery WHERE is_current"
    )
    of_feed: dict[str, list[Mapping[str, object]]] = {}
    for row in rows:
        if (row["delivery_id"], row["period"]) not in known:
            of_feed.setdefault(row["feed"], []).append(row)
    return [_delivered(query, feed, new) for feed, new in sorted(of_feed.items())]


def _in_force(query: Query) -> set[tuple[str, str]]:
    rows = query("SELECT DISTINCT delivery_id, period FROM release.delivery WHERE is_current")
    return {(row["delivery_id"], row["period"]) for row in rows}


def _delivered(query: Query, feed: str, rows: Sequence[Mapping[str, object]]) -> Delivered:
    periods = sorted(str(row["period"]) for row in rows)
    return Delivered(
        feed=query.titles("feed", feed),
        deliveries=len({row["delivery_id"] for row in rows}),
        first_period=periods[0],
        last_period=periods[-1],
        records=sum(int(str(row["records_in"])) for row in rows),
        quarantined=sum(int(str(row["records_quarantined"])) for row in rows),
    )


def rule_sets(query: Query, before: Publication | None) -> list[RuleSet]:
    """The rule sets of a release, changed ones first."""
    known = before.rule_sets if before else None
    rows = query("SELECT * EXCLUDE (content) FROM release.rule_set ORDER BY rule_set_id")
    found = [
        RuleSet(
            row["rule_set_id"],
            Named(row["rule_set_id"], row["title_zh"], row["title_en"]),
            row["area"],
            row["source"] or "",
            row["rule_set_hash"],
            known is not None and known.get(row["rule_set_id"]) != row["rule_set_hash"],
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: not one.is_changed)


# --- what the gate refused -------------------------------------------------------------------------------


def refused() -> Refused | None:
    """The last publication if the gate refused it: its report stays until the gate runs again."""
    path = settings().logs / GATE_REPORT
    try:
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        found = [_verdict(row) for row in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, KeyError, TypeError):  # nothing was ever judged, or the report is cut off
        return None
    failures = tuple(one for one in found if not one.success and one.level == "fail")
    warnings = tuple(one for one in found if not one.success and one.level != "fail")
    return Refused(at, len(found), failures, warnings) if failures else None


def _verdict(row: Mapping[str, object]) -> Verdict:
    name = str(row["expectation"])
    keys = row["failing_keys"]
    return Verdict(
        str(row["suite"]), str(row["table"]), name, Named(name, str(row["title_zh"]), str(row["title_en"])),
        str(row["level"]), bool(row["success"]), int(str(row["evaluated"] or 0)), int(str(row["unexpected"] or 0)),
        tuple(map(str, keys)) if isinstance(keys, list) else (), str(row["details"] or ""),
    )  # fmt: skip


def table_title(name: str) -> Named:
    """The title of a table or a feed, by its contract; its name if there is none any more."""
    spec = contracts().get(name) or feeds().get(name)
    return Named(name, spec.title.zh, spec.title.en) if spec else Named(name, name, name)
