"""A what-if from its question to its answer in the home: the rules tried, the tables computed, the comparison.

The answer lies in ``whatif/<id>/`` of the home: ``summary.json``, ``movement.parquet`` and the tables on trial. Its id
is a hash of release, year and rules, so the same question is answered once. A folder appears whole or not at all; the
home keeps those used last (:mod:`portal.what_if.kept`).
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.queries.release import Query, reading
from portal.what_if import kept
from portal.what_if.movement import STANDING, TABLES, movement, view
from portal.what_if.worth import worth
from schemas.contract import contract, digest
from schemas.errors import UsageError
from warehouse.duck import literal
from warehouse.progress import Progress, silent
from warehouse.releases import Release
from warehouse.settings import settings
from warehouse.state import sync_all, write_whole

# the rule book knows frames of the engine, whose import a server does without until somebody asks
if TYPE_CHECKING:
    from jobs.per_mu.rules.book import RuleBook
    from jobs.per_mu.rules.models import RuleSet
    from jobs.per_mu.rules.trial import Replaced

#: Form of an answer; another one is another question.
FORM = 3


@dataclass(frozen=True)
class Question:
    """Rules to be tried on a release's inputs of a year."""

    release: Release
    year: str
    in_force: RuleBook
    changes: tuple[Replaced, ...]

    @cached_property
    def id(self) -> str:
        from jobs.per_mu.rules.trial import effect

        asked = [[c.district_code, c.before.hash, effect(c.after)] for c in self.changes]
        counted = worth(self.year).as_dict()
        content = {name: table.content_hash for name, table in sorted(self.release.tables.items())}
        return digest([FORM, self.release.number, content, self.year, asked, str(counted)])[:20]

    @property
    def districts(self) -> tuple[str, ...]:
        """The districts whose rule is on trial; the results of others are those published."""
        return tuple(change.district_code for change in self.changes)

    @property
    def book(self) -> RuleBook:
        """The rules of the year with those on trial in their places."""
        from jobs.per_mu.rules.book import RuleBook
        from jobs.per_mu.rules.trial import book_with

        book = book_with(self.in_force, self.changes)
        return RuleBook(rule_set for rule_set in book.all() if rule_set.year == self.year)


def ask(
    query: Query,
    release: Release,
    year: str | None = None,
    *,
    file: Path | None = None,
    fields: Sequence[str] = (),
    district: str | None = None,
) -> Question:
    """The question that a rule file, or other values of single fields, puts to a release.

    Args:
        query: the release with all its rows.

    Raises:
        UsageError: neither is given, or the release has no evaluation of the year.
        RejectedError: a rule is not well formed; the line names file, field and fault.
    """
    from jobs.per_mu.rules.trial import from_fields, from_file, replaced

    book, years = in_force(query)
    if not years or (year and year not in years):
        known = ", ".join(years) or "none"
        raise UsageError(f"release {release.number} has no evaluation of {year}; it has: {known}")
    year = year or years[0]
    proposed: list[RuleSet] = list(from_file(file, year)) if file else []
    if fields:
        present = proposed or [
            rule.model_copy(update={"district_codes": (code,)})
            for code, of, rule in book.items()
            if of == year and district in (None, code)
        ]
        proposed = [from_fields(fields, rule) for rule in present]
    return Question(release, year, book, tuple(replaced(book, proposed, year, district)))


def in_force(query: Query) -> tuple[RuleBook, list[str]]:
    """The rules of a release, and its years of evaluation, the latest first.

    Raises:
        RejectedError: the rules have an older form.
    """
    from jobs.per_mu.rules.trial import book_of_release

    rows = query("SELECT DISTINCT year FROM per_mu.enterprise_grade ORDER BY year DESC")
    documents = query(
        "SELECT rule_set_id, rule_set_hash, content FROM release.rule_set WHERE area = 'per_mu'"
    )
    return book_of_release(documents), [str(row["year"]) for row in rows]


# --- the answer ------------------------------------------------------------------------------------------


def folder() -> Path:
    return settings().home / "whatif"


def path_of(answer: str) -> Path:
    """The folder of an answer.

    Raises:
        NotKeptError: the id is none, or there is no such answer, or not any more.
    """
    if not exists(answer):
        raise kept.NotKeptError(answer)
    return folder() / answer


def summary(answer: str) -> dict[str, Any]:
    """What was asked and of what the answer was made.

    Raises:
        NotKeptError: there is no such answer, or not any more.
    """
    try:
        read: dict[str, Any] = json.loads((path_of(answer) / kept.SUMMARY).read_text(encoding="utf-8"))
    except FileNotFoundError:  # removed since
        raise kept.NotKeptError(answer) from None
    return read


def exists(answer: str) -> bool:
    return answer.isalnum() and (folder() / answer / kept.SUMMARY).is_file()


def is_answered_again(question: Question) -> bool:
    """Whether the answer lies there; it then counts as used now."""
    if lies_there := exists(question.id):
        kept.use(folder() / question.id)
    return lies_there


def answer(question: Question, progress: Progress = silent) -> str:
    """Compute the answer, unless it lies there; return its id. What was used least lately is removed."""
    from jobs.per_mu.rules.reading import rule_book
    from pipeline.trial import Trial, compute, one_at_a_time

    if is_answered_again(question):
        return question.id
    with one_at_a_time():
        if is_answered_again(question):
            return question.id
        begun = time.monotonic()
        partial = folder() / f"{question.id}{kept.PARTIAL}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            names = _tables(question)
            trial = Trial(question.release, names, question.year, {rule_book: question.book}, _only(question))
            compute(trial, partial, progress)
            progress("compare", "movement", 0)
            with reading(question.release) as query:
                open_tables(query, partial, names)
                query.connection.execute(
                    f"COPY ({movement(question.year, worth(question.year), question.districts)}) TO "
                    f"{literal(str(partial / 'movement.parquet'))} (FORMAT parquet, COMPRESSION zstd)"
                )
            told = _summary(question, time.monotonic() - begun)
            write_whole(partial / kept.SUMMARY, json.dumps(told, ensure_ascii=False, indent=1, default=str))
            sync_all([path for path in partial.rglob("*") if path.is_file()], partial)
            partial.rename(folder() / question.id)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        kept.use(folder() / question.id)
        kept.remove_unused(folder(), settings().what_if_answers, question.id)
    return question.id


def _tables(question: Question) -> tuple[str, ...]:
    """The tables that the rules on trial can change; all of them if no rule is on trial."""
    from jobs.per_mu.rules.trial import keeps_standing

    published = STANDING if question.changes and keeps_standing(question.changes) else ()
    return tuple(name for name in TABLES if name not in published)


def _only(question: Question) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """The firms of the districts on trial: lists, baselines and holders of parcels never reach beyond a district."""
    if not question.districts:
        return {}
    firms = {"district_code": question.districts}
    return dict.fromkeys(("core.enterprise", "core.enterprise_year", *STANDING), firms)


def open_tables(query: Query, where: Path, computed: Collection[str]) -> None:
    """Make the tables on trial available beside the release's, as temporary views; others have the release's rows."""
    for table in TABLES:
        spec = contract(table)
        columns = ", ".join(spec.column_names)
        if table not in computed:
            source = f"SELECT {columns} FROM {table}"
        elif any((where / table).glob("*/*.parquet")):
            files = literal(f"{where}/{table}/*/*.parquet")
            types = f"hive_partitioning = true, hive_types = {{{spec.period}: VARCHAR}}"
            source = f"SELECT {columns} FROM read_parquet({files}, {types})"
        else:
            source = f"SELECT {columns} FROM {table} WHERE false"
        query.connection.execute(f"CREATE OR REPLACE TEMP VIEW {view(table)} AS {source}")


def _summary(question: Question, seconds: float) -> dict[str, Any]:
    return {
        "id": question.id,
        "release": question.release.number,
        "year": question.year,
        "is_trial": True,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "rules": [
            {
                "district_code": change.district_code,
                "before": {"id": change.before.id, "hash": change.before.hash},
                "after": {"id": change.after.id, "hash": change.after.hash},
                "content_before": change.before.model_dump(mode="json"),
                "content": change.after.model_dump(mode="json"),
                "changed": differences(change.before, change.after),
            }
            for change in question.changes
        ],
        "worth": worth(question.year).as_dict(),
    }


def differences(before: RuleSet, after: RuleSet) -> list[dict[str, Any]]:
    """The fields in which a rule on trial differs: path, old and new value."""
    from jobs.per_mu.rules.trial import effect

    old, new = _flat(effect(before)), _flat(effect(after))
    for code, rules in before.lists.items():
        if rules.quota is None and code in after.lists and after.lists[code].quota is not None:
            # a list that gets a quota of its own had that of the rule set
            own = {k: v for k, v in old.items() if k.startswith("quota.")}
            old |= {f"lists.{code}.{k}": v for k, v in own.items()}
            old.pop(f"lists.{code}.quota", None)
    paths = [path for path in dict.fromkeys((*old, *new)) if old.get(path) != new.get(path)]
    return [{"field": path, "before": old.get(path), "after": new.get(path)} for path in paths]


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {
            k: v for name, part in value.items() for k, v in _flat(part, f"{path}.{name}".lstrip(".")).items()
        }
    return {path: value}
