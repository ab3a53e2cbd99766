"""Remove what a command may have left, however it lies: links not followed, folders closed, nested without end."""

# Paths are texts here: thousands of them for every run.
# ruff: noqa: PTH101, PTH102, PTH104, PTH106, PTH108

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

TRASH = ".trash-"  # beginning of the names of folders being removed
_TRIES = 5  # processes of a killed worker may still be dying


def remove(path: str, holding: str) -> None:
    """Remove a file, link or folder; harmless where there is none.

    A folder is emptied breadth first, each folder in it moved up before: a path of a million folders needs neither
    recursion nor a path longer than the system takes.

    Args:
        path: what goes.
        holding: an existing folder on the same file system, not below `path`, that commands cannot reach.

    Raises:
        OSError: it cannot be removed.
    """
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        os.unlink(path)
        return
    trash = f"{holding}/{TRASH}{secrets.token_hex(8)}"
    os.mkdir(trash, 0o700)
    _take(path, f"{trash}/0")
    empty_trash(trash)


def empty_trash(trash: str) -> None:
    """Remove a folder of folders to be removed.

    Args:
        trash: as `remove` made it; what an interrupted removal left can be given here too.

    Raises:
        OSError: something in it cannot be removed.
    """
    for attempt in range(_TRIES):
        with suppress(FileNotFoundError):
            try:
                _flatten(trash)
                os.rmdir(trash)
            except OSError:
                if attempt == _TRIES - 1:
                    raise
                continue
        return


def _flatten(trash: str) -> None:
    os.chmod(trash, 0o700)
    waiting = [entry.path for entry in os.scandir(trash)]
    while waiting:
        folder = waiting.pop()
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            os.unlink(folder)
            continue
        os.chmod(folder, 0o700)
        with os.scandir(folder) as found:
            entries = [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in found]
        for path, is_folder in entries:
            if is_folder:
                moved = f"{trash}/{secrets.token_hex(8)}"
                _take(path, moved)
                waiting.append(moved)
            else:
                os.unlink(path)
        os.rmdir(folder)


def _take(path: str, target: str) -> None:
    os.chmod(path, 0o700)  # moving a folder writes to it, for its parent changes
    os.rename(path, target)


def empty_all_trash(holding: Path) -> None:
    """Remove what interrupted removals left in a folder; what cannot go yet stays for the next time.

    Args:
        holding: a folder that was given to `remove`.
    """
    for entry in list(os.scandir(holding)):
        if entry.name.startswith(TRASH):
            with suppress(OSError):
                empty_trash(entry.path)
