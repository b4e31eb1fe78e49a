"""Base of all definitions: a frozen model that refuses unknown names, read from a YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import UserError


class Definition(BaseModel):
    """Base of contracts, rules and models; it refuses unknown names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


M = TypeVar("M", bound=BaseModel)


class Titles(Definition):
    """A title in Chinese and in English."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads 24.097 as an exact decimal, never through a binary float."""


_Loader.add_constructor(
    "tag:yaml.org,2002:float", lambda loader, node: Decimal(str(loader.construct_scalar(node)))
)


def read_mapping(
    path: Path, error: type[UserError], shown: str = "", *, may_be_empty: bool = False
) -> dict[Any, Any]:
    """Read a YAML file that is a mapping; numbers with a decimal point become exact decimals.

    Args:
        error: class of the error raised for any other file.
        shown: the file as a message names it.
        may_be_empty: an empty file is an empty mapping.
    """
    name = shown or path.name
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except yaml.MarkedYAMLError as failure:
        mark = failure.problem_mark or failure.context_mark
        at = f"line {mark.line + 1}: " if mark else ""
        raise error(f"{name}: not readable as YAML: {at}{failure.problem or failure.context}") from None
    except (yaml.YAMLError, OSError, UnicodeDecodeError, ArithmeticError) as failure:
        raise error(f"{name}: not readable as YAML: {str(failure).splitlines()[0]}") from None
    if raw is None and may_be_empty:
        return {}
    if not isinstance(raw, dict):
        raise error(f"{name}: not a mapping")
    return raw


def line_of(path: Path, field: Sequence[str | int]) -> tuple[int, int] | None:
    """How many names of a field's path a YAML file has, and the line of the last of them; ``None`` if it has none.

    The file is one that :func:`read_mapping` has read.
    """
    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
    found = None
    for depth, name in enumerate(field, start=1):
        if isinstance(node, yaml.MappingNode):
            entries = [(key, value) for key, value in node.value if key.value == str(name)]
            if not entries:
                break
            key, node = entries[-1]
            found = depth, key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(name, int) and name < len(node.value):
            node = node.value[name]
            found = depth, node.start_mark.line + 1
        else:
            break
    return found


def decimal_yaml(text: str) -> Any:
    """A YAML value of a text; numbers with a decimal point become exact decimals.

    >>> decimal_yaml("0.25"), decimal_yaml("{A: 1}")
    (Decimal('0.25'), {'A': 1})
    """
    return yaml.load(text, Loader=_Loader)


def read_definition(model: type[M], path: Path, error: type[UserError], shown: str = "") -> M:
    """Read a YAML file as its model.

    Args:
        error: class of the error raised for a file that is not well formed; its line names file, field and fault.
        shown: the file as a message names it.
    """
    try:
        return model.model_validate(read_mapping(path, error, shown))
    except ValidationError as fault:
        raise error(f"{shown or path.name}: {first_error(fault)}") from None


def first_error(error: ValidationError) -> str:
    """The first error of pydantic's report, as one line."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{where + ': ' if where else ''}{first['msg']}{more}"
