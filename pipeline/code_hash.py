"""Hash of the code that a job's rows depend on: the definitions that its transform reaches.

A *definition* is a function, class, method or assignment in one of our modules. The search starts at the transform and
at the class of the job's rules. It follows each name to its definition, through imports and the annotations of
parameters. The hash covers the syntax of each definition and what each name in it stands for. It does not cover
comments, docstrings, annotations of functions, imports, or the module and order of definitions.

* A constant of plain data is hashed by its value, whatever code, contract, code list or rule computes it.
* ``code_list(name)``, ``contract(name)`` and ``units()`` are hashed by what they return: a code list by the columns
  that the code names, a contract by :meth:`Contract.hash`. The name must be known before the code runs. Code that
  reads definitions in any other way is refused.
* Of a class, only methods whose names are read as attributes in reached code are hashed, and those that Python calls
  by itself: a method that only the command line calls makes nothing stale. Validators are left out, because the rules'
  own fingerprint covers what they accept. The code that loads rules is left out as well.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pipeline.definitions import DATA, Key, Read, definition, is_of_python, is_value, value_of, words_of
from schemas.contract import digest
from schemas.errors import RejectedError

if TYPE_CHECKING:
    from jobs.job import Job

#: Every accessor that reads definitions without naming one goes through this function.
EVERYTHING = Key(DATA, "schema_folders")


@dataclass(frozen=True)
class Reached:
    """Everything that some definitions depend on."""

    definitions: frozenset[Key]
    reads: frozenset[Read]
    #: String literals in them; the names of code-list columns are among these.
    words: frozenset[str]
    faults: tuple[str, ...]


def code_hash(job: Job) -> str:
    """Hash of the definitions that compute a job's rows.

    Raises:
        RejectedError: a name cannot be resolved; the message names file, line and what to do.
    """
    return definitions_hash(*roots(job))


def definitions_hash(*beginnings: Key) -> str:
    """Hash of some definitions and of everything that they reach."""
    found = reached(*beginnings)
    if found.faults:
        raise RejectedError(found.faults[0])
    return digest(
        [
            sorted(_full_hash(key) for key in found.definitions if not is_value(key)),
            sorted([*read, read.hash(found.words)] for read in found.reads),
        ]
    )


def roots(job: Job) -> tuple[Key, ...]:
    """Where the search starts: the transform, and the class of the rules whose methods it may call."""
    return (key_of(job.transform), *([key_of(type(job.rules()))] if job.rules else []))


def key_of(defined: Callable[..., Any]) -> Key:
    """The key of a function or class."""
    original = inspect.unwrap(defined)
    return Key(original.__module__, getattr(original, "__qualname__", repr(original)))


@cache
def reached(*beginnings: Key) -> Reached:
    """Everything that some definitions depend on, directly or not."""
    found: set[Key] = set()
    attributes: set[str] = set()
    methods: dict[str, set[Key]] = {}
    faults: list[str] = []
    reads: set[Read] = set()
    words: set[str] = set()
    origin = dict.fromkeys(beginnings, "")
    waiting = list(beginnings)
    while waiting:
        key = waiting.pop()
        if key in found:
            continue
        found.add(key)
        if is_value(key):
            words |= set(words_of(value_of(key)))
            continue
        if key == EVERYTHING:
            faults.append(
                f"{origin[key]} reads definitions without naming them; use contract(name) or code_list(name)"
            )
        it = definition(key)
        faults += it.faults
        reads |= it.reads
        words |= it.words
        following = set(it.keys)
        for name, method in it.methods.items():
            methods.setdefault(name, set()).add(method)
            if name in attributes or is_of_python(name):
                following.add(method)
        for name in it.attributes - attributes:
            following |= methods.get(name, set())
        attributes |= it.attributes
        for other in following:
            # a fault in schemas.contract is reported at the job's code that led there
            origin.setdefault(other, origin[key] if key.module == DATA else ".".join(key))
        waiting += following
    return Reached(frozenset(found), frozenset(reads), frozenset(words), tuple(sorted(set(faults))))


# --- hashes ----------------------------------------------------------------------------------------------


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _plain_hash(key: Key) -> str:
    """Hash of a definition alone: it covers other definitions by name only."""
    return _sha("".join(part.name if isinstance(part, Key) else part for part in definition(key).text))


def _full_hash(key: Key) -> str:
    """Hash of a definition and of what each name in it stands for: elsewhere a name may be another function."""
    return _sha(
        "".join(
            f"{part.name}={_hash_alone(part)}" if isinstance(part, Key) else part
            for part in definition(key).text
        )
    )


def _hash_alone(key: Key) -> str:
    return _sha(_written(value_of(key))) if is_value(key) else _plain_hash(key)


def _written(value: Any) -> str:
    """A value as text, the same in every process."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_written(k)}:{_written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, set | frozenset):
        return "<" + ",".join(sorted(map(_written, value))) + ">"
    return repr(value)
