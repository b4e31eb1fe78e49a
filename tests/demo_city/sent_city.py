"""Generated cities for the tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from demo_city.city import CitySpec, GenerationReport, generate
from demo_city.truth import TRUTH
from demo_city.world.city import City, build_city
from demo_city.world.parameters import parameters


@dataclass(frozen=True)
class Sent:
    """A generated city: its spec, folder, report and list of planted faults."""

    spec: CitySpec
    landing: Path
    truth: Path
    report: GenerationReport
    faults: list[dict[str, Any]]


def send(home: Path, spec: CitySpec) -> Sent:
    landing, truth = home / "landing", home / "truth"
    report = generate(spec, landing, truth)
    faults = json.loads((truth / TRUTH).read_text(encoding="utf-8"))
    return Sent(spec, landing, truth, report, faults)


@cache
def at_scale(scale: float) -> City:
    """The city with the default seed, not written to files; cached until the end of a test module."""
    return build_city(parameters(), 2020, scale)


def file(sent: Sent, name: str) -> Path:
    """The file with this name, of any feed."""
    (path,) = sent.landing.glob(f"*/{name}")
    return path
