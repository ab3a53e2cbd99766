"""What a command writes and how it leaves: data on stdout, messages on stderr, exit codes by name.

Rich is imported when something is said to people, not before: `maze --help` and `--json` do without.
"""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from enum import IntEnum
from itertools import islice
from typing import TYPE_CHECKING, Any, TextIO

import click

from maze_tasks.errors import MazeError

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 160  # columns of a table that goes into a file or a pipe, which have no width of their own
BLOCK_ROWS = 500  # of a long table
_REPLACE_LINE = "\r\x1b[2K"  # to the beginning of the line, and nothing on it (ECMA-48)

_at_terminal = threading.RLock()  # one message or line at a time
_line = ""  # what `show_line` shows now


class ExitCode(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    NOT_FILLED = 1
    REFUSED = 2
    UNREACHABLE = 3
    INTERRUPTED = 130


def exit_code_of(action: Callable[[], object]) -> int:
    """Run a command and tell the exit code that it comes to.

    Errors of the project become one message on stderr. A reader of stdout that went away early is no error.

    Args:
        action: the command; click's own usage errors pass through.
    """
    _never_fail_to_encode(sys.stdout, sys.stderr)
    code: int = ExitCode.DONE
    try:
        action()
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except MazeError as error:
        fail(str(error))
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        fail("interrupted")
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        _hush()
    except OSError as error:
        # A file or folder that cannot be used, met where nobody asked for it before: a name too long, a disk full.
        name = f": {str(error.filename)[:200]}" if error.filename else ""
        fail(f"{error.strerror or type(error).__name__}{name}")
        code = ExitCode.REFUSED
    return _flushed(code)


def emit(value: object) -> None:
    """Write one JSON value as a line on stdout, at once.

    Raises:
        MazeError: stdout cannot be written, such as on a full disk.
    """
    _write(_json_line(value), flush=True)


def emit_each(values: Iterable[object]) -> None:
    """Write JSON values on stdout, one a line, as they come.

    Raises:
        MazeError: stdout cannot be written.
    """
    for value in values:
        _write(_json_line(value))


def tell(text: str) -> None:
    """Write a line for people on stdout."""
    _write(shown(text) + "\n", flush=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str] = ()) -> None:
    """Write a table for people on stdout; a long one in blocks, each with the headings, so that it takes no memory.

    Args:
        columns: headings.
        rows: cells, as many a row as there are columns; None is shown as a dash.
        numbers: headings of the columns that are aligned to the right.
    """
    left = iter(rows)
    _draw(columns, list(islice(left, BLOCK_ROWS)), numbers)
    while block := list(islice(left, BLOCK_ROWS)):
        _draw(columns, block, numbers)


def _draw(columns: Sequence[str], rows: Iterable[Sequence[object]], numbers: Sequence[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in columns:
        drawn.add_column(heading, justify="right" if heading in numbers else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*("-" if cell is None else shown(str(cell)) for cell in row))
    with io.StringIO() as text:
        width = None if sys.stdout.isatty() else PIPE_WIDTH
        _console(text, width=width, is_terminal=sys.stdout.isatty()).print(drawn)
        _write(text.getvalue(), flush=True)


def say(message: str) -> None:
    """Write a message for people on stderr."""
    _message("", message, "")


def warn(message: str) -> None:
    """Write a warning on stderr."""
    _message("warning: ", message, "yellow")


def fail(message: str) -> None:
    """Write on stderr why the command cannot go on."""
    _message("error: ", message, "bold red")


def has_screen() -> bool:
    """Whether stderr is a terminal on which a line can be taken back."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def show_line(text: str) -> None:
    """Show one line at the end of stderr, where `has_screen`: it takes the place of the last one, below all messages.

    Args:
        text: the line; empty takes it away.
    """
    global _line  # noqa: PLW0603 - a terminal has one last line
    with _at_terminal, suppress(OSError, ValueError):
        _line = shown(text)[: (os.get_terminal_size(sys.stderr.fileno()).columns or 80) - 1]
        sys.stderr.write(_REPLACE_LINE + _line)
        sys.stderr.flush()


def shown(text: str) -> str:
    """A text from outside as a terminal may show it: control characters are spelt out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def named(path: str) -> str:
    """The name of a file within a message: on one line, whatever is in it."""
    return shown(path).replace("\n", "\\n")


def _message(prefix: str, message: str, style: str) -> None:
    from rich.text import Text

    with _at_terminal, suppress(OSError):  # nobody is there to be told
        if _line:
            sys.stderr.write(_REPLACE_LINE)
        _console(sys.stderr).print(Text.assemble((prefix, style), shown(message)), soft_wrap=True)
        if _line:
            sys.stderr.write(_line)
            sys.stderr.flush()


def _console(file: TextIO, *, width: int | None = None, is_terminal: bool | None = None) -> Console:
    from rich.console import Console

    return Console(
        file=file, width=width, force_terminal=is_terminal, markup=False, highlight=False, emoji=False, soft_wrap=False
    )


def _json_line(value: object) -> str:
    # ASCII only: no line separator of Unicode can split a line, and no locale fails to encode it.
    return json.dumps(value, allow_nan=False, separators=(", ", ": "), default=_as_json) + "\n"


def _as_json(value: Any) -> object:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _write(text: str, *, flush: bool = False) -> None:
    try:
        sys.stdout.write(text)
        if flush:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _hush()
        raise MazeError(f"cannot write the output: {error.strerror}") from None


def _flushed(code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _hush()
    except OSError as error:
        _hush()
        fail(f"cannot write the output: {error.strerror}")
        return code or ExitCode.NOT_FILLED
    return code


def _hush() -> None:
    """Send what is still buffered for stdout nowhere, or the interpreter would complain when it ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _never_fail_to_encode(*streams: TextIO) -> None:
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
