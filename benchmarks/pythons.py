"""The Python that programs of benchmarks are run with, in the sandbox and straight alike."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rows import Unusable

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
FINDS = "import sys, importlib.util as u; print(*(name for name in sys.argv[1:] if u.find_spec(name) is None))"


@dataclass(frozen=True)
class Python:
    """A Python.

    Args:
        program: absolute path.
        venv: its environment, None for the system's own.
    """

    program: str
    venv: str | None = None

    def missing(self, modules: Iterable[str]) -> list[str]:
        """Those modules that it cannot import."""
        done = subprocess.run(
            [self.program, "-s", "-c", FINDS, *sorted(modules)], capture_output=True, text=True, check=True
        )
        return done.stdout.split()


def chosen_python(venv: Path | None) -> Python:
    """The Python of an environment; by default of this one, or the system's where programs may not read this one.

    Root's programs run as another user, who may be shut out of the folder that a Python lies in.

    Args:
        venv: an environment.

    Raises:
        Unusable: there is none, or programs may not read it.
    """
    if venv is not None:
        program = venv.absolute() / "bin" / "python"
        if not program.exists() or not _readable(program):
            raise Unusable(f"--venv: {program} does not exist, or the user that programs run as cannot reach it")
        return Python(str(program), str(venv.absolute()))
    if _readable(Path(sys.executable)):
        return Python(sys.executable, sys.prefix)
    system = shutil.which("python3", path=SYSTEM_PATH)
    if system is None or not _readable(Path(system)):
        raise Unusable(f"programs cannot be run with {sys.executable}, which others cannot reach: name a --venv")
    return Python(system)


def _readable(program: Path) -> bool:
    """Whether the user that programs run as can start it."""
    if os.geteuid() != 0:
        return True
    return all(
        folder.stat().st_mode & 0o001 for path in (program, program.resolve()) for folder in path.absolute().parents
    )
