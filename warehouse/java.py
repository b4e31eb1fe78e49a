"""Java, which only Spark and Kafka need: found on the machine, or installed at first use where that is allowed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from schemas.errors import RejectedError
from warehouse import debian
from warehouse.settings import Settings

#: Oldest version that Spark and Kafka run on.
LEAST_VERSION = 17
#: Packages of Debian and Ubuntu; each of their releases has one of the two.
PACKAGES = ("openjdk-17-jre-headless", "openjdk-21-jre-headless")
#: Folder of those packages; another Java may come first on PATH.
PACKAGED = Path("/usr/lib/jvm")
#: A Java that does not print its version within this time hangs.
ANSWER_SECONDS = 30


def ensure_java(config: Settings) -> Path:
    """The program ``java`` of a Java 17 or newer; on Debian and Ubuntu it is installed if the user is root.

    ``JAVA_HOME`` takes precedence over ``PATH``. Afterwards ``JAVA_HOME`` of this process names the Java found, since
    Spark's scripts look there first.

    Raises:
        RejectedError: no Java was found and none may be installed; the message says what was found instead.
    """
    try:
        home = _find()
    except RejectedError:
        if not debian.may_install():
            raise
        home = _find_or_install(config)
    os.environ["JAVA_HOME"] = str(home)
    return home / "bin" / "java"


def _find_or_install(config: Settings) -> Path:
    config.cache.mkdir(parents=True, exist_ok=True)
    with FileLock(config.cache / "java.lock"):
        with suppress(RejectedError):
            return _find()  # another process installed it meanwhile
        choices = [(package,) for package in PACKAGES]
        debian.install("Java, for Spark and Kafka", choices, config.cache / "apt.log")
        return _find()


def _find() -> Path:
    """The home of the first suitable Java."""
    problems = []
    for program in _programs():
        try:
            return _home(program)
        except RejectedError as problem:
            problems.append(str(problem))
    found = ", ".join(problems) or "no java is on PATH, and JAVA_HOME is not set"
    raise RejectedError(
        f"Spark and Kafka need Java {LEAST_VERSION} or newer: {found}; install it (Debian, Ubuntu: apt install "
        f"{' or '.join(PACKAGES)}) or set JAVA_HOME to it"
    )


def _programs() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if first := shutil.which("java"):
        yield Path(first)
    for package in PACKAGES:
        version = package.split("-")[1]
        yield from sorted(PACKAGED.glob(f"java-{version}-openjdk-*/bin/java"))


def _home(program: Path) -> Path:
    """The home that this Java reports; links and scripts of version managers hide it.

    Raises:
        RejectedError: this Java does not run or is too old.
    """
    command = [str(program), "-XshowSettings:properties", "-version"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=ANSWER_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RejectedError(f"{program} does not run ({_first_line(str(error))})") from None
    home, version = _property("java.home", done.stderr), _property("java.specification.version", done.stderr)
    if done.returncode != 0 or not home or not version:
        why = _first_line(done.stderr + done.stdout) or f"exit code {done.returncode}"
        raise RejectedError(f"{program} does not run ({why})")
    if int(version.split(".")[0]) < LEAST_VERSION:  # 1.8, 11, 17
        raise RejectedError(f"{program} is version {version}")
    return Path(home)


def _property(name: str, said: str) -> str | None:
    """
    >>> _property("java.home", "Property settings:\\n    java.home = /usr/lib/jvm/java-17\\n")
    '/usr/lib/jvm/java-17'
    """
    found = re.search(rf"^ +{re.escape(name)} = (\S.*)$", said, re.MULTILINE)
    return found[1] if found else None


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:200]
