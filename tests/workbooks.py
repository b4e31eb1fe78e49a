"""Excel files as the emission feed's sender lays them out."""

from __future__ import annotations

from typing import Any


def emission_headings(sheet: Any) -> None:
    """Two heading lines: parents over merged cells, and their children."""
    sheet.merge_range(0, 0, 0, 1, "企业")
    sheet.merge_range(0, 2, 0, 3, "废水")
    sheet.merge_range(0, 4, 0, 5, "废气")
    sheet.write_row(1, 0, ["名称", "信用代码", "化学需氧量", "氨氮", "二氧化硫", "氮氧化物"])
