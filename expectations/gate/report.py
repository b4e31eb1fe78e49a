"""Verdicts 校验结果, and the report of all verdicts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from expectations.gate.suite import Level, Suite


@dataclass(frozen=True)
class Verdict:
    """What one expectation found in one table.

    ``evaluated`` counts the table's rows, ``unexpected`` the offending rows; ``failing_keys`` names at most twenty
    of them.
    """

    suite: str
    table: str
    expectation: str
    title_zh: str
    title_en: str
    level: Level
    success: bool
    evaluated: int
    unexpected: int
    failing_keys: tuple[str, ...] = ()
    details: str = ""

    @property
    def blocks(self) -> bool:
        return self.level == "fail" and not self.success


@dataclass(frozen=True)
class GateReport:
    """All verdicts; ``passed`` if every expectation was evaluated and none blocks."""

    verdicts: tuple[Verdict, ...]
    passed: bool
    seconds: float
    suites: int
    expectations: int

    def failures(self) -> list[Verdict]:
        """Verdicts that block publication."""
        return [v for v in self.verdicts if v.blocks]

    def warnings(self) -> list[Verdict]:
        return [v for v in self.verdicts if not v.success and v.level == "warn"]


def verdict_rows(report: GateReport) -> list[dict[str, Any]]:
    """The verdicts as JSON-able rows for the release's manifest and file."""
    return [{**asdict(v), "failing_keys": list(v.failing_keys)} for v in report.verdicts]


def summarise(verdicts: list[Verdict], suites: list[Suite], seconds: float) -> GateReport:
    """The report of a gate run; without suites, or with fewer verdicts than expectations, it does not pass."""
    expected = sum(max(len(suite.checks), 1) for suite in suites)
    looked = bool(suites) and len(verdicts) >= expected
    return GateReport(
        verdicts=tuple(verdicts),
        passed=looked and not any(v.blocks for v in verdicts),
        seconds=round(seconds, 3),
        suites=len(suites),
        expectations=len(verdicts),
    )
