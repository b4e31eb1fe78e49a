"""Titles in both languages: of codes, fields and tables; Chinese in Chinese script, English without it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.coded import titled, value_lists
from schemas.contract import contracts, fields
from warehouse.settings import CHECKOUT

HAN = re.compile(r"[\u3400-\u9fff]")
#: Chinese script and its punctuation, which English text has not.
CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
#: Letters and digits of full width: Chinese titles have those of ASCII.
FULL_WIDTH = re.compile(r"[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]")
ODD_SPACE = re.compile(r"^\s|\s$|\s\s|[^\S ]")
#: A space beside a Chinese character: Chinese is written without.
SPACE_IN_CHINESE = re.compile(rf"{CHINESE.pattern}\s|\s{CHINESE.pattern}")
LISTS = sorted((CHECKOUT / "schemas" / "codes").glob("*.csv"))


def faults(zh: str | None, en: str | None) -> Iterator[str]:
    """What is wrong with a pair of titles."""
    if not HAN.search(zh or ""):
        yield "zh has no Chinese character"
    if not re.search(r"[A-Za-z]", en or ""):
        yield "en has no letter"
    if CHINESE.search(en or ""):
        yield "en has Chinese script"
    if FULL_WIDTH.search(zh or ""):
        yield "zh has letters or digits of full width"
    if ODD_SPACE.search(zh or "") or ODD_SPACE.search(en or "") or SPACE_IN_CHINESE.search(zh or ""):
        yield "odd space"


@pytest.mark.parametrize(
    ("zh", "en", "fault"),
    [
        ("Leather", "Leather", "zh has no Chinese character"),
        (None, "Leather", "zh has no Chinese character"),
        ("皮革", "", "en has no letter"),
        ("皮革", None, "en has no letter"),
        ("皮革", "–", "en has no letter"),
        ("皮革", "Leather 皮革", "en has Chinese script"),
        ("皮革", "Leather（goods）", "en has Chinese script"),
        ("Ａ类企业", "Graded A", "zh has letters or digits of full width"),
        ("皮革 ", "Leather", "odd space"),
        ("皮 革", "Leather", "odd space"),
        ("皮革 193", "Leather 193", "odd space"),
        ("皮革\u3000制品", "Leather", "odd space"),
        ("皮革", "Leather  goods", "odd space"),
        ("皮革", " Leather", "odd space"),
        ("皮革", "Leather\u00a0goods", "odd space"),
    ],
)
def test_each_fault_is_found(zh: str | None, en: str | None, fault: str) -> None:
    assert list(faults(zh, en)) == [fault]


def test_good_titles_have_no_fault() -> None:
    assert list(faults("IPC主分类号（一级）", "Main class: R&D, level 1")) == []


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_every_code_has_both_titles(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows, f"{path.name} has no codes"
    wrong = [f"{row['code']}: {fault}" for row in rows for fault in faults(row.get("zh"), row.get("en"))]
    assert wrong == [], f"write the titles in schemas/codes/{path.name}"
    assert len({row["code"] for row in rows}) == len(rows), f"{path.name} has a code twice"


@pytest.mark.parametrize("name", value_lists())
def test_every_value_has_both_titles(name: str) -> None:
    values = titled(name)
    assert values
    assert [f"{code}: {fault}" for code, t in values.items() for fault in faults(t.zh, t.en)] == []


def test_every_field_and_table_has_both_titles() -> None:
    wrong = [f"{name}: {fault}" for name, entry in fields().items() for fault in faults(entry.zh, entry.en)]
    wrong += [
        f"{spec.name}.{column.name}: {fault}"
        for spec in contracts().values()
        for column in spec.columns
        for fault in faults(column.zh, column.en)
    ]
    wrong += [f"{s.name}: {fault}" for s in contracts().values() for fault in faults(s.title.zh, s.title.en)]
    assert wrong == []


def described(zh: str, en: str) -> Iterator[str]:
    """What is wrong with a description; English ones may name Chinese terms."""
    if not HAN.search(zh) or len(HAN.findall(zh)) < len(re.findall(r"[A-Za-z]+", zh)):
        yield "description_zh is not Chinese"
    elif (
        not zh.endswith("。") or FULL_WIDTH.search(zh) or ODD_SPACE.search(zh) or SPACE_IN_CHINESE.search(zh)
    ):
        yield "description_zh is no sentence, or has odd spaces"
    if len(HAN.findall(en)) > 3 * len(re.findall(r"[A-Za-z]+", en)) or not en.endswith("."):
        yield "description is no English sentence"


@pytest.mark.parametrize(
    ("zh", "en", "fault"),
    [
        ("", "Land let.", "description_zh is not Chinese"),
        ("Land let.", "Land let.", "description_zh is not Chinese"),
        ("Land let to others 。", "Land let.", "description_zh is not Chinese"),
        ("出租给他人的土地", "Land let.", "description_zh is no sentence, or has odd spaces"),
        ("出租给他人 的土地。", "Land let.", "description_zh is no sentence, or has odd spaces"),
        ("出租给他人的土地。", "出租给他人的土地。", "description is no English sentence"),
        ("出租给他人的土地。", "Land let", "description is no English sentence"),
    ],
)
def test_each_fault_of_a_description_is_found(zh: str, en: str, fault: str) -> None:
    assert list(described(zh, en)) == [fault]


def test_every_field_column_and_table_is_described_in_both_languages() -> None:
    """A contract's own description replaces the field's, so it needs one in Chinese as well."""
    told: dict[str, Any] = {f"field {name}": entry for name, entry in fields().items()}
    told |= {spec.name: spec for spec in contracts().values()}
    told |= {f"{spec.name}.{c.name}": c for spec in contracts().values() for c in spec.columns}
    wrong = [
        f"{name}: {fault}" for name, t in told.items() for fault in described(t.description_zh, t.description)
    ]
    assert wrong == [], "write description and description_zh"
