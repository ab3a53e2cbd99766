"""Commands with placeholders: ``{name}`` in an argument is filled in, and never by a shell.

``{{`` and ``}}`` stand for braces. A list that is an argument of its own becomes as many arguments as it has members.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from maze_tasks.errors import InputError

Value = str | int | Sequence[str]

MAX_ARGUMENT_BYTES = 100_000  # the kernel takes 131,072 an argument (MAX_ARG_STRLEN)
MAX_COMMAND_BYTES = 1_000_000  # of all arguments together; the kernel takes a quarter of the stack, commonly 2 MiB

_PIECE = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}|([{}])")


def placeholders(argument: str) -> tuple[str, ...]:
    """Names of the placeholders of one argument, in order.

    Raises:
        ValueError: a brace is neither doubled nor part of a placeholder.
    """
    names = []
    for match in _PIECE.finditer(argument):
        if match[2]:
            raise ValueError(f"{argument[:60]!r} has a single brace; a brace itself is written {match[2] * 2}")
        if match[1]:
            names.append(match[1])
    return tuple(names)


def stands_alone(argument: str) -> bool:
    """Whether the argument is one placeholder and nothing else, so that a list may take its place."""
    match = _PIECE.fullmatch(argument)
    return match is not None and match[1] is not None


def fill(arguments: Sequence[str], values: Mapping[str, Value]) -> list[str]:
    """The command with all its placeholders filled in.

    A value cannot become an option: one that would begin an argument with ``-`` is refused, for values come with the
    run and the command from the worker.

    Args:
        arguments: program and arguments, checked by `placeholders` before.
        values: what the placeholders stand for.

    Raises:
        InputError: a value is missing, a list where only one text can stand, or no argument of a command.
    """
    filled = [text for argument in arguments for text in _expand(argument, values)]
    if sum(len(os.fsencode(text)) + 1 for text in filled) > MAX_COMMAND_BYTES:
        raise InputError(f"the command would be longer than {MAX_COMMAND_BYTES} bytes")
    return filled


def _expand(argument: str, values: Mapping[str, Value]) -> list[str]:
    if stands_alone(argument):
        name = argument[1:-1]
        value = _value(name, values)
        texts = [str(value)] if isinstance(value, str | int) else [str(member) for member in value]
        return [_checked(name, text, begins=True) for text in texts]

    def text_of(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return match[0][0]
        value = _value(name, values)
        if not isinstance(value, str | int):
            raise InputError("is a list and must be an argument of its own", field=name)
        return _checked(name, str(value), begins=match.start() == 0)

    return [_PIECE.sub(text_of, argument)]


def _value(name: str, values: Mapping[str, Value]) -> Value:
    if name not in values:
        raise InputError("the command needs a value and the hole gives none", field=name)
    return values[name]


def _checked(name: str, text: str, *, begins: bool) -> str:
    try:
        raw = os.fsencode(text)
    except UnicodeEncodeError:
        raise InputError("should be valid Unicode", field=name) from None
    if b"\0" in raw:
        raise InputError("must not hold NUL characters", field=name)
    if len(raw) > MAX_ARGUMENT_BYTES:
        raise InputError(f"has {len(raw)} bytes, more than {MAX_ARGUMENT_BYTES}", field=name)
    if begins and raw.startswith(b"-"):
        raise InputError("must not begin with '-': it would be read as an option of the command", field=name)
    return text
