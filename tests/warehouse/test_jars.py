"""Sets of jars: no second version of Spark's own jars, and a failure is one line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyspark
import pytest

from schemas.errors import RejectedError
from warehouse import jars, java
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


def test_delta_jar_is_that_of_the_python_package() -> None:
    from delta.pip_utils import configure_spark_with_delta_pip
    from pyspark.sql import SparkSession

    builder: Any = configure_spark_with_delta_pip(SparkSession.Builder())
    assert builder._options["spark.jars.packages"] in JAR_SETS["spark"].coordinates


def test_a_complete_set_is_not_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ensure_jars(settings(), "spark")
    monkeypatch.setattr(jars, "_fetch", None)
    assert ensure_jars(settings(), "spark") == before


def test_a_failed_fetch_is_one_line_with_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = tmp_path / "java"
    failing.write_text("#!/bin/sh\necho no network\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(jars, "ensure_java", lambda _: failing)
    with pytest.raises(RejectedError) as refused:
        ensure_jars(Settings(cache=tmp_path), "kafka")
    log = tmp_path / "jars" / "kafka.log"
    assert str(log) in str(refused.value) and "\n" not in str(refused.value)
    assert log.read_text() == "no network\n"
    assert [path.name for path in (tmp_path / "jars").iterdir() if path.is_dir()] == []


def test_without_java_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setattr(java, "PACKAGED", tmp_path)
    with pytest.raises(RejectedError, match="need Java 17 or newer"):
        ensure_jars(Settings(cache=tmp_path / "cache"), "kafka")
    assert not (tmp_path / "cache").exists()
