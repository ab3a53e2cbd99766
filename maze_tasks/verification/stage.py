"""Folders that the commands' user cannot reach, shown all the same.

Root's commands run as another user, who may be shut out of the way to what a profile shows: an interpreter under /root
is the usual case. A first bubblewrap, started as root, binds such folders read-only to a place that every user can
reach, in a mount namespace of its own; what it starts becomes the other user and makes the sandbox proper. The machine
itself never sees these mounts.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from maze_tasks.verification.packaged import closed_ancestor

STAGE = "shown"  # folder among the working copies, empty to everybody outside of that namespace
_OTHERS_READ = 0o004
_OTHERS_PASS = 0o001


@dataclass(frozen=True, slots=True)
class Stage:
    """What is put where for one command.

    Args:
        argv: starts what comes behind it as the other user; empty where nothing needs it.
        sources: where the sandbox proper finds each folder that was put on the stage.
    """

    argv: tuple[str, ...] = ()
    sources: dict[str, str] | None = None

    def source(self, path: str) -> str:
        """Where a folder is found."""
        return (self.sources or {}).get(path, path)


def stage_for(bwrap: str, folder: str, paths: Sequence[str], uid: int | None) -> Stage:
    """How a user comes to see some folders.

    Args:
        bwrap: the program.
        folder: of the working copies; everybody can pass it.
        paths: what is shown, absolute; exists.
        uid: who commands run as; None is this process's own user, who sees what it sees.

    Raises:
        OSError: the stage cannot be made.
    """
    shut = [] if uid is None else [path for path in paths if closed_ancestor(Path(path).resolve()) is not None]
    setpriv = shutil.which("setpriv") if shut else None
    if setpriv is None:
        return Stage()
    stage = Path(folder, STAGE)
    stage.mkdir(mode=0o755, exist_ok=True)
    sources = {path: f"{stage}/{number}" for number, path in enumerate(shut)}
    binds = (part for path, place in sources.items() for part in ("--ro-bind", path, place))
    become = ("--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
    return Stage(
        (
            *(bwrap, "--die-with-parent", "--dev-bind", "/", "/", "--tmpfs", str(stage), *binds, "--"),
            *(setpriv, *become, "--no-new-privs", "--"),
        ),
        sources,
    )


def closed_to_others(path: str) -> bool:
    """Whether a folder or file is one that other users cannot read, however they come to it.

    Args:
        path: exists.
    """
    found = Path(path).stat()
    needed = _OTHERS_READ | (_OTHERS_PASS if Path(path).is_dir() else 0)
    return found.st_mode & needed != needed
