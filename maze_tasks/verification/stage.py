"""Folders that the commands' user cannot reach, shown all the same.

Root's commands run as another user, who may be shut out of the way to what a profile shows: an interpreter under /root
is the usual case. So a few programs of util-linux, one after the other in one process, make a mount namespace, bind
such folders to a place in it that every user can reach, become the other user and then bubblewrap. The machine itself
never sees these mounts. No process of root stays in between: bubblewrap is the worker's own child, and dies with it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from maze_tasks.verification.launch import SYSTEM_PATH
from maze_tasks.verification.packaged import closed_ancestor

STAGE = "shown"  # folder among the working copies, empty to everybody outside of that namespace


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


def stage_for(folder: str, paths: Sequence[str], uid: int | None) -> Stage:
    """How a user comes to see some folders.

    Args:
        folder: of the working copies; everybody can pass it.
        paths: what is shown, absolute; exists.
        uid: who commands run as; None is this process's own user, who sees what it sees.

    Raises:
        OSError: the stage cannot be made.
    """
    shut = [] if uid is None else [path for path in paths if closed_ancestor(Path(path).resolve()) is not None]
    unshare, setpriv = shutil.which("unshare", path=SYSTEM_PATH), shutil.which("setpriv", path=SYSTEM_PATH)
    if not shut or unshare is None or setpriv is None:
        return Stage()
    stage = Path(folder, STAGE)
    stage.mkdir(mode=0o755, exist_ok=True)
    become = ("--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
    return Stage(
        (
            *(unshare, "--mount", "--propagation", "private", "--"),
            *("/bin/sh", "-ec", _BIND, "sh", str(stage), str(len(shut)), *shut),
            *(setpriv, *become, "--no-new-privs", "--"),
        ),
        {path: f"{stage}/{number}" for number, path in enumerate(shut)},
    )


# Arguments: the stage, how many paths, the paths, and what is started then.
_BIND = """
PATH={path} stage=$1 count=$2 number=0
shift 2
mount -t tmpfs -o mode=755,size=64k none "$stage"
while [ "$number" -lt "$count" ]; do
    if [ -d "$1" ]; then mkdir "$stage/$number"; else : > "$stage/$number"; fi
    mount --bind "$1" "$stage/$number"
    shift
    number=$((number + 1))
done
exec env -i "$@"
""".replace("{path}", SYSTEM_PATH)
