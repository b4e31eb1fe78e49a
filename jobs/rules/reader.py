"""Policy as YAML files: read with exact decimals, refused in one line."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from schemas.errors import RejectedError


class _Loader(yaml.SafeLoader):
    """24.097 is read from its text, never through a binary float."""


_Loader.add_constructor(
    "tag:yaml.org,2002:float",
    lambda loader, node: Decimal(str(loader.construct_scalar(node))),  # type: ignore[arg-type]
)


def read_mapping(path: Path) -> dict[Any, Any]:
    """A YAML file that is a mapping.

    Raises:
        RejectedError: it is not; the line names the file.
    """
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, OSError, UnicodeDecodeError, ArithmeticError) as error:
        raise RejectedError(f"{path.name}: not readable as YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(raw, dict):
        raise RejectedError(f"{path.name}: not a mapping")
    return raw
