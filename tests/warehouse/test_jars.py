"""Sets of jars: none of Spark's own in another version, and a failure is one line."""

from __future__ import annotations

import re
from pathlib import Path

import pyspark
import pytest

from schemas.errors import RejectedError
from warehouse.jars import JAR_SETS, ensure_jars
from warehouse.settings import Settings, settings


def artifact(jar: Path) -> str:
    return re.sub(r"-\d[\w.]*\.jar$", "", jar.name)


def test_spark_gets_no_second_version_of_its_own_jars() -> None:
    own = {artifact(jar) for jar in (Path(pyspark.__file__).parent / "jars").glob("*.jar")}
    added = ensure_jars(settings(), "spark")
    assert "spark-sql_2.13" in own
    assert len(added) == len(JAR_SETS["spark"].coordinates)
    assert {artifact(jar) for jar in added} & own == set()


def test_a_set_that_is_there_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = ensure_jars(settings(), "spark")
    monkeypatch.setenv("PATH", str(tmp_path))  # no Java
    assert ensure_jars(settings(), "spark") == there


def test_what_cannot_be_fetched_is_one_line_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no Java
    with pytest.raises(RejectedError) as refused:
        ensure_jars(Settings(cache=tmp_path), "kafka")
    assert str(tmp_path / "jars" / "kafka.log") in str(refused.value) and "\n" not in str(refused.value)
    assert [path.name for path in (tmp_path / "jars").iterdir() if path.is_dir()] == []
