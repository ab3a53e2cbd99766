"""Inputs as often as they are asked for: what can be read once only, standard input or a pipe, is kept in a file."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from maze_tasks.errors import InputError
from maze_tasks.leftovers import hold, sweep

STDIN: Final = "-"
_PREFIX: Final = "maze-input-"

# An input is surveyed first and read again, by callers that share nothing but its name. A copy of standard input
# lives as long as the stream, one of a pipe as long as the process.
_copies_of_streams: weakref.WeakKeyDictionary[BinaryIO, Path] = weakref.WeakKeyDictionary()
_copies_of_pipes: dict[Path, Path] = {}


def open_input(source: str | Path) -> BinaryIO:
    """An input from its beginning, as bytes.

    Args:
        source: a file or a pipe, ``-`` for standard input.

    Raises:
        InputError: it cannot be read.
    """
    name = str(source)
    try:
        if name == STDIN:
            return _copy_of_stdin().open("rb")
        path = Path(source)
        if path.is_file() or path.is_dir() or not path.exists():
            return path.open("rb")
        return _copy_of_pipe(path).open("rb")
    except FileNotFoundError:
        raise InputError("there is no such file", file=name) from None
    except IsADirectoryError:
        raise InputError(
            "is a folder; give a file of hole lines (JSONL), source trees are not read", file=name
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputError(f"cannot be read: {getattr(error, 'strerror', None) or error}", file=name) from None


def _copy_of_stdin() -> Path:
    if sys.stdin is None:
        raise InputError("standard input is closed", file=STDIN)
    stream = sys.stdin.buffer
    copy = _copies_of_streams.get(stream)
    if copy is None:
        copy = _copies_of_streams[stream] = _copied(stream, lambda path: weakref.finalize(stream, _remove, path))
    return copy


def _copy_of_pipe(path: Path) -> Path:
    copy = _copies_of_pipes.get(path)
    if copy is None:
        with path.open("rb") as stream:
            copy = _copies_of_pipes[path] = _copied(stream, lambda kept: atexit.register(_remove, kept))
    return copy


def _copied(stream: BinaryIO, when_made: Callable[[Path], Any]) -> Path:
    """A copy of what is left of a stream; `when_made` arranges for its end before there is anything in it."""
    sweep(_PREFIX)
    with tempfile.NamedTemporaryFile(prefix=_PREFIX, delete=False) as copy:
        path = Path(copy.name)
        when_made(path)
        hold(os.dup(copy.fileno()))  # open as long as this process lives
        shutil.copyfileobj(stream, copy)
    return path


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
