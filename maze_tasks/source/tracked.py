"""What of a checkout git keeps although its rules leave it out: rules do not hold for what was added all the same.

Git itself is asked, since only it reads every form of its index. Where there is no git, or it refuses, nothing is
known, and the rules hold for everything.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_TIMEOUT_S: Final = 60.0
# A checkout's own configuration may name a program that watches its files; none is started.
_LIST: Final = ("-c", "core.fsmonitor=false", "ls-files", "-z", "--cached", "--ignored", "--exclude-standard")


@dataclass(frozen=True, slots=True)
class Tracked:
    """Files that git keeps although its rules leave them out.

    Args:
        files: their paths, relative to the top of the checkout.
        folders: the folders that they are in, and those above.
    """

    files: frozenset[str] = field(default=frozenset(), repr=False)
    folders: frozenset[str] = field(default=frozenset(), repr=False)

    def holds(self, path: str, *, is_folder: bool) -> bool:
        """Whether a path is such a file, or a folder with one in it."""
        return path in (self.folders if is_folder else self.files)


def tracked_though_ignored(checkout: Path) -> Tracked:
    """Ask git.

    Args:
        checkout: the top of a working tree.
    """
    # What a hook hands down (GIT_DIR, GIT_INDEX_FILE) may speak of another checkout.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(checkout), *_LIST]
    try:
        done = subprocess.run(
            command,
            env=env | {"GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return Tracked()
    files = frozenset(os.fsdecode(name) for name in done.stdout.split(b"\0") if name)
    folders = {file[:end] for file in files for end in range(len(file)) if file[end] == "/"}
    return Tracked(files, frozenset(folders))
