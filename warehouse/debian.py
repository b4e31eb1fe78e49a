"""Programs from packages of Debian and Ubuntu, installed at first use where that is allowed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from schemas.errors import RejectedError


def may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(what: str, choices: Sequence[Sequence[str]], log: Path) -> None:
    """Install the packages of the first choice that this release has, by apt without questions.

    Raises:
        RejectedError: none could be installed; the message names the log.
    """
    print(f"brain: installing {what}", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # wait for other users of apt, such as automatic updates
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    with log.open("wb") as out:

        def succeeds(*arguments: str) -> bool:
            done = subprocess.run(
                [*apt, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                check=False,
            )
            return done.returncode == 0

        succeeds("update")  # if one of many sources fails, others may have the packages
        installed = any(succeeds("install", "--no-install-recommends", *packages) for packages in choices)
    if not installed:
        name = what.split(",", maxsplit=1)[0]
        raise RejectedError(f"{name} could not be installed; see {log} (the first run needs a network)")
