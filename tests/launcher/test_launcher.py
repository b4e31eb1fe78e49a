"""The launcher: the Python that it chooses, and its message where none is suitable.

It runs in a separate checkout, and its PATH has only what a test puts there. uv is a stub that records its arguments.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from warehouse.settings import CHECKOUT

#: Programs that it runs besides Python and uv.
TOOLS = ("sh", "cat", "cksum", "dirname", "id", "mkdir", "rm")
NEEDED = "brain: Python 3.11, 3.12, 3.13 or 3.14 is needed; install one of them and run this again"

FAILING = "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n"


def python_of(version: str, has_ensurepip: bool = True) -> str:
    """This Python with another reported version; its ``-m venv`` creates an environment with the stub of uv."""
    major, minor = version.split(".")
    lost = "" if has_ensurepip else "sys.modules['ensurepip'] = None;"
    return f"""#!/bin/sh
if [ "$1" = -m ]; then
  mkdir -p "$3/bin"
  printf '#!/bin/sh\\ncat "{{uv}}" >"%s/bin/uv"; chmod 755 "%s/bin/uv"\\n' "$3" "$3" >"$3/bin/pip"
  chmod 755 "$3/bin/pip"
  exit
fi
exec {sys.executable} -c "import sys; sys.version_info = ({major}, {minor}, 0, 'final', 0); {lost} $2"
"""


UV = """#!/bin/sh
echo "downloads=$UV_PYTHON_DOWNLOADS $*" >>"{asked}"
if [ "$1" = python ]; then exit {may_bring}; fi
mkdir -p "{checkout}/.venv/bin"
printf '#!/bin/sh\\necho "$*" >>"{ran}"\\n' >"{checkout}/.venv/bin/brain"
printf '#!/bin/sh\\n' >"{checkout}/.venv/bin/python"
chmod 755 "{checkout}/.venv/bin/brain" "{checkout}/.venv/bin/python"
"""


@dataclass(frozen=True)
class Machine:
    """A machine with a checkout."""

    folder: Path
    checkout: Path
    bin: Path

    @property
    def uv(self) -> Path:
        return self.folder / "uv"

    def has(self, **programs: str) -> None:
        for name, text in programs.items():
            self.program(self.bin / name.replace("_", "."), text.replace("{uv}", str(self.uv)))

    def program(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)

    def launch(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.checkout / "brain", *arguments],
            env={"PATH": str(self.bin), "HOME": str(self.folder / "home"), **environment},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def asked(self) -> list[str]:
        """Calls of uv."""
        return self._lines("asked")

    def ran(self) -> list[str]:
        """Commands passed on to ``brain``."""
        return self._lines("ran")

    def _lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def chosen(self) -> str:
        """The Python of the new environment."""
        (line,) = [line for line in self.asked() if " sync " in line]
        assert line.startswith("downloads=never "), line
        return line.split(" --python ")[1].split()[0]

    def refusal(self) -> str:
        done = self.launch("check")
        assert done.returncode == 1 and done.stdout == "" and self.ran() == []
        return done.stderr.splitlines()[-1]


def machine_in(folder: Path, may_bring: bool = False) -> Machine:
    machine = Machine(folder, folder / "checkout", folder / "bin")
    machine.bin.mkdir(parents=True)
    machine.checkout.mkdir()
    for tool in (*TOOLS, "chmod"):  # chmod is for the stubs of this test
        (machine.bin / tool).symlink_to(str(shutil.which(tool)))
    shutil.copy(CHECKOUT / "brain", machine.checkout)
    (machine.checkout / "pyproject.toml").write_text("")
    (machine.checkout / "uv.lock").write_text("")
    names = {name: folder / name for name in ("asked", "ran")}
    machine.program(machine.uv, UV.format(checkout=machine.checkout, may_bring=int(not may_bring), **names))
    return machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with uv."""
    machine = machine_in(tmp_path)
    (machine.bin / "uv").symlink_to(machine.uv)
    return machine


def test_the_newest_suitable_python_is_chosen(machine: Machine) -> None:
    machine.has(
        python3_15=python_of("3.15"),
        python3_14=FAILING,  # a version manager's stub that does not run
        python3_13=python_of("3.13"),
        python3_11=python_of("3.11"),
        python3=python_of("3.12"),
    )
    done = machine.launch("check", "--json")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1), done
    assert machine.chosen() == str(machine.bin / "python3.13")
    assert machine.ran() == ["setup", "check --json"]


def test_a_failing_python_does_not_hide_a_later_one_on_the_path(machine: Machine) -> None:
    machine.has(python3_12=FAILING, python3=FAILING)
    later = machine.folder / "later"
    later.mkdir()
    machine.program(later / "python3", python_of("3.11"))
    assert machine.launch("check", PATH=f"{machine.bin}:{later}").returncode == 0
    assert machine.chosen() == str(later / "python3")


def test_a_second_launch_does_nothing_unless_the_environment_is_incomplete(machine: Machine) -> None:
    machine.has(python3=python_of("3.12"))
    machine.launch("check")
    done = machine.launch("status")
    assert (done.stderr, len(machine.asked()), machine.ran()) == ("", 1, ["setup", "check", "status"])
    (machine.checkout / ".venv" / "bin" / "python").unlink()  # as when the system's Python was replaced
    machine.launch("status")
    assert len(machine.asked()) == 2
    (machine.checkout / "uv.lock").write_text("another")
    machine.launch("status")
    assert len(machine.asked()) == 3


def test_all_modules_are_compiled_only_where_python_keeps_no_bytecode(machine: Machine) -> None:
    machine.has(python3=python_of("3.12"))
    machine.launch("check")
    (machine.checkout / "uv.lock").write_text("another")
    machine.launch("check", PYTHONDONTWRITEBYTECODE="1")
    assert ["--compile-bytecode" in line for line in machine.asked()] == [False, True]


# --- no suitable Python ----------------------------------------------------------------------------

UNFIT = {
    "too old": {"python3": python_of("3.10"), "python3_10": python_of("3.10")},
    "too new": {"python3": python_of("3.15"), "python3_15": python_of("3.15")},
    "ancient": {"python": python_of("2.7"), "python2": python_of("2.7")},
    "failing": {"python3": FAILING, "python3_12": FAILING},
    "none": {},
}


@pytest.mark.parametrize("pythons", UNFIT.values(), ids=UNFIT)
def test_without_a_suitable_python_one_line_says_what_to_install(
    machine: Machine, pythons: dict[str, str]
) -> None:
    machine.has(**pythons)
    log = machine.folder / "home" / ".cache" / "ningbo-industrial-brain" / "python.log"
    assert machine.refusal() == f"{NEEDED} (uv could not install one; see {log})"
    assert machine.asked() == ["downloads=automatic python install 3.13"]


@pytest.mark.parametrize("pythons", UNFIT.values(), ids=UNFIT)
def test_without_a_suitable_python_uv_installs_one(tmp_path: Path, pythons: dict[str, str]) -> None:
    machine = machine_in(tmp_path, may_bring=True)
    (machine.bin / "uv").symlink_to(machine.uv)
    machine.has(**pythons)
    assert machine.launch("check").returncode == 0
    assert machine.asked()[0] == "downloads=automatic python install 3.13"
    assert machine.chosen() == "3.13"


def test_uv_installs_no_python_where_downloads_are_forbidden(machine: Machine) -> None:
    machine.launch("check", UV_PYTHON_DOWNLOADS="never")
    assert machine.asked() == ["downloads=never python install 3.13"]


@pytest.mark.parametrize("old", ["3.10", "3.15"])
def test_an_unsuitable_python_can_still_install_uv(tmp_path: Path, old: str) -> None:
    machine = machine_in(tmp_path, may_bring=True)
    machine.has(python3=python_of(old))
    assert machine.launch("check").returncode == 0
    assert machine.chosen() == "3.13"


@pytest.mark.parametrize("names", ["ancient", "failing", "none"])
def test_without_uv_and_python_one_line_says_what_to_install(tmp_path: Path, names: str) -> None:
    machine = machine_in(tmp_path)
    machine.has(**UNFIT[names])
    assert machine.refusal() == NEEDED


def test_uv_is_installed_where_it_is_missing(tmp_path: Path) -> None:
    machine = machine_in(tmp_path)
    machine.has(python3_13=python_of("3.13", has_ensurepip=False), python3=python_of("3.9"))
    assert machine.launch("check").returncode == 0
    assert machine.chosen() == str(machine.bin / "python3.13")


def test_a_missing_venv_module_is_one_line(tmp_path: Path) -> None:
    machine = machine_in(tmp_path)
    machine.has(python3=python_of("3.13", has_ensurepip=False))
    assert machine.refusal() == "brain: Python's venv module is missing; install the package python3-venv"


# --- interpreters of this machine ------------------------------------------------------------------


def interpreters() -> list[Path]:
    """Every Python of this machine: the running one, those on the PATH, and those of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    folders = [*map(Path, os.get_exec_path()), *pyenv.glob("versions/*/bin")]
    named = [path for folder in folders for path in folder.glob("python[0-9]*")]
    return sorted(
        {p.resolve() for p in (Path(sys.executable), *named) if re.fullmatch(r"python[\d.]*", p.name)}
    )


@pytest.mark.parametrize("python", interpreters(), ids=str)
def test_each_python_of_this_machine_is_chosen_or_refused(machine: Machine, python: Path) -> None:
    (machine.bin / "python3").symlink_to(python)
    said = subprocess.run(
        [machine.bin / "python3", "-c", "import sys; print(*sys.version_info[:2])"],
        env={"PATH": str(machine.bin)}, capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    if (3, 11) <= tuple(map(int, said.split())) <= (3, 14):
        assert machine.launch("check").returncode == 0
        assert machine.chosen() == str(machine.bin / "python3")
    else:
        assert machine.refusal().startswith(NEEDED)


def test_the_project_names_the_same_versions() -> None:
    import tomllib

    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11,<3.15"
    assert "(3, 11) <= sys.version_info[:2] <= (3, 14)" in (CHECKOUT / "brain").read_text()
