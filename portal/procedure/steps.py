"""The steps as a door asks for them: what a decision on each of them has to carry. It loads nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.per_mu.rules.procedure import procedure
from schemas.coded import title


@dataclass(frozen=True)
class Asked:
    """One step, with its title in both languages."""

    code: str
    words: str
    has_window: bool
    needs_document: bool


def steps() -> list[Asked]:
    """The steps of a year in their order."""
    found = []
    for step in procedure().steps:
        named = title("evaluation_step", step.code)
        found.append(
            Asked(step.code, f"{named.zh} {named.en}", step.window is not None, "document" in step.needs)
        )
    return found
