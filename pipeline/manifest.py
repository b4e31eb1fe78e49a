"""Summary of a release's manifest: its size, its engines, the gate's warnings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: Rows shown per warning; the manifest and logs/gate.json name more.
EXAMPLES = 3


def summary_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a manifest that a list of releases shows."""
    return {
        "release": manifest["release"],
        "created_at": manifest["created_at"],
        "tables": len(manifest["tables"]),
        "rows": sum(t["rows"] for t in manifest["tables"].values()),
        "expectations": manifest["gate"]["expectations"],
        "engine": engines_of(manifest),
        "rollback_of": manifest.get("rollback_of"),
    }


def warnings_of(verdicts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The gate's verdicts that did not pass, each with a few of its offending rows."""
    return [
        {
            "table": v["table"],
            "expectation": v["expectation"],
            "title_zh": v["title_zh"],
            "title_en": v["title_en"],
            "rows": v["unexpected"],
            "examples": list(v["failing_keys"][:EXAMPLES]),
        }
        for v in verdicts
        if not v["success"]
    ]


def engines_of(manifest: Mapping[str, Any]) -> str | None:
    """The engines that built a release's tables, as one text; None if they are not recorded.

    >>> engines_of({"engines": {"core.parcel": "Sail 0.7.2", "chain.gap": "Sail 0.7.2"}})
    'Sail 0.7.2'
    """
    return ", ".join(sorted(set(manifest.get("engines", {}).values()))) or None
