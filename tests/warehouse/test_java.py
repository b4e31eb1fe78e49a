"""Java: a suitable one is found, or installed once where allowed; otherwise one line says what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import RejectedError
from warehouse import java
from warehouse.java import ensure_java
from warehouse.settings import CHECKOUT, Settings, settings

FAILING = "#!/bin/sh\necho 'java: cannot open shared object file' >&2\nexit 127\n"


def speaking(home: Path, version: str) -> str:
    """A program that prints its version as Java does."""
    return f"""#!/bin/sh
echo 'Property settings:
    java.home = {home}
    java.specification.version = {version}
    java.vm.specification.version = 99

openjdk version "{version}.0.1"' >&2
"""


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def java_home(folder: Path, version: str = "17") -> Path:
    program(folder / "bin" / "java", speaking(folder, version))
    return folder


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Java whose user may not install anything; its PATH is ``bin``."""
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(java, "PACKAGED", tmp_path / "jvm")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return tmp_path


def found(machine: Path) -> Path:
    return ensure_java(Settings(cache=machine / "cache"))


def refusal(machine: Path) -> str:
    with pytest.raises(RejectedError) as refused:
        found(machine)
    assert "\n" not in str(refused.value)
    assert os.environ["JAVA_HOME"] == ""
    return str(refused.value)


def test_the_java_of_this_machine_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", os.environ.get("JAVA_HOME", ""))
    own = ensure_java(settings())
    done = subprocess.run([own, "-version"], capture_output=True, text=True, check=True)
    assert "version" in done.stderr
    assert os.environ["JAVA_HOME"] == str(own.parent.parent)


def test_a_link_on_the_path_leads_to_its_java(machine: Path) -> None:
    home = java_home(machine / "jdk")
    (machine / "bin").mkdir()
    (machine / "bin" / "java").symlink_to(home / "bin" / "java")
    assert found(machine) == home / "bin" / "java"
    assert os.environ["JAVA_HOME"] == str(home)  # for Spark's scripts


def test_java_home_comes_first(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = java_home(machine / "named", "21")
    program(machine / "bin" / "java", speaking(machine / "other", "17"))
    monkeypatch.setenv("JAVA_HOME", str(named))
    assert found(machine) == named / "bin" / "java"


@pytest.mark.parametrize("useless", [FAILING, speaking(Path("/old"), "11"), speaking(Path("/old"), "1.8")])
def test_an_unsuitable_java_on_the_path_is_skipped(
    machine: Path, monkeypatch: pytest.MonkeyPatch, useless: str
) -> None:
    program(machine / "bin" / "java", useless)
    packaged = java_home(machine / "jvm" / "java-17-openjdk-amd64")
    assert found(machine) == packaged / "bin" / "java"
    named = java_home(machine / "named")
    monkeypatch.setenv("JAVA_HOME", str(named))
    assert found(machine) == named / "bin" / "java"


def test_without_java_one_line_says_what_to_install(machine: Path) -> None:
    said = refusal(machine)
    assert "no java is on PATH" in said and "openjdk-17-jre-headless" in said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (FAILING, "does not run (java: cannot open shared object file)"),
        ("#!/bin/sh\nexit 3\n", "does not run (exit code 3)"),
        ("#!/bin/sh\necho hello\n", "does not run (hello)"),
        ("#!/no/such/shell\n", "does not run ("),
        (speaking(Path("/old"), "11"), "is version 11"),
    ],
)
def test_the_message_says_what_is_wrong_with_the_java_on_the_path(machine: Path, text: str, why: str) -> None:
    path = program(machine / "bin" / "java", text)
    assert f"{path} {why}" in refusal(machine)


def test_a_hanging_java_does_not_run(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "ANSWER_SECONDS", 0.2)
    path = program(machine / "bin" / "java", "#!/bin/sh\nexec /bin/sleep 20\n")
    assert f"{path} does not run" in refusal(machine)


def test_the_message_names_a_wrong_java_home(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(machine / "gone"))
    with pytest.raises(RejectedError, match="gone/bin/java does not run"):
        found(machine)


# --- installed by apt ------------------------------------------------------------------------------


def apt(machine: Path, packages: str) -> None:
    """A slow apt-get that records its arguments; it has only these packages."""
    jvm = machine / "jvm"
    program(
        machine / "bin" / "apt-get",
        f"""#!/bin/sh
PATH=/usr/bin:/bin
echo "$DEBIAN_FRONTEND $*" >>{machine}/asked
sleep 0.3
for package; do :; done
case " update {packages} " in *" $package "*) ;; *) echo "E: no package $package"; exit 100;; esac
if [ "$package" != update ]; then
  version=${{package#openjdk-}}; version=${{version%%-*}}; home={jvm}/java-$version-openjdk-amd64
  mkdir -p "$home/bin"
  sed "s|HOME|$home|; s|VERSION|$version|" >"$home/bin/java" <<'END'
{speaking(Path("HOME"), "VERSION")}END
  chmod 755 "$home/bin/java"
fi
""",
    )


@pytest.mark.parametrize(
    ("packages", "home"),
    [
        ("openjdk-17-jre-headless openjdk-21-jre-headless", "java-17-openjdk-amd64"),
        ("openjdk-21-jre-headless", "java-21-openjdk-amd64"),  # Debian 13 has no 17
    ],
)
def test_java_is_installed_once_for_root(
    machine: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    packages: str,
    home: str,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    apt(machine, packages)
    assert found(machine) == machine / "jvm" / home / "bin" / "java"
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err == "brain: installing Java, for Spark and Kafka\n"
    asked = (machine / "asked").read_text()
    assert asked.splitlines()[0].startswith("noninteractive ") and asked.splitlines()[0].endswith(" update")
    monkeypatch.setenv("JAVA_HOME", "")
    assert found(machine) == machine / "jvm" / home / "bin" / "java"
    assert (machine / "asked").read_text() == asked


def test_apt_does_not_run_where_java_exists(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    apt(machine, "openjdk-17-jre-headless")
    monkeypatch.setenv("JAVA_HOME", str(java_home(machine / "named")))
    found(machine)
    assert not (machine / "asked").exists()


def test_a_failed_installation_is_one_line_with_its_log(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    apt(machine, "")
    log = machine / "cache" / "apt.log"
    assert str(log) in refusal(machine)
    assert "E: no package openjdk-21-jre-headless" in log.read_text()


def test_two_processes_install_java_once(machine: Path) -> None:
    apt(machine, "openjdk-17-jre-headless")
    code = f"""
import os
from pathlib import Path
from warehouse import java
from warehouse.settings import Settings
os.geteuid = lambda: 0
java.PACKAGED = Path({str(machine / "jvm")!r})
print(java.ensure_java(Settings(cache=Path({str(machine / "cache")!r}))))
"""
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60) for process in both]
    expected = machine / "jvm" / "java-17-openjdk-amd64" / "bin" / "java"
    assert [out for out, _ in said] == [f"{expected}\n"] * 2, said
    assert [line.split()[-1] for line in (machine / "asked").read_text().splitlines()] == [
        "update",
        "openjdk-17-jre-headless",
    ]
    assert sorted(len(err.splitlines()) for _, err in said) == [0, 1]
