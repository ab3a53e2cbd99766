"""The texts of prompts that a user has put into files of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from maze_tasks.config.problems import Problem
from maze_tasks.config.settings import PromptFiles
from maze_tasks.errors import ConfigError
from maze_tasks.models import Templates, default_templates
from maze_tasks.models.templates import TemplateProblem, problems_of_prompt, problems_of_system

MAX_TEMPLATE_BYTES: Final = 64 * 1024  # of one text; it is paid for with every call


class UnreadableTemplate(Exception):  # noqa: N818 - reads as what was found
    """A file that the configuration names cannot be used at all.

    Args:
        problem: what is wrong, at the setting that names the file.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.message)


def read_templates(named: PromptFiles, folder: Path) -> Templates:
    """The texts that the configuration names, the package's own where it names none.

    Args:
        named: the table ``[prompt]``.
        folder: what the names are relative to: the folder of the configuration.

    Raises:
        UnreadableTemplate: there is no such file, or it is no text.
        ConfigError: what a file says is wrong; with that file and the line in it.
    """
    texts = default_templates()
    for field, target, check in (
        ("system_file", "system", problems_of_system),
        ("template_file", "prompt", problems_of_prompt),
    ):
        name: str | None = getattr(named, field)
        if name is not None:
            path = folder / name
            texts = texts.model_copy(update={target: _checked(path, _text(path, field), check)})
    return texts


def _text(path: Path, field: str) -> str:
    """The text of a file with line feeds for line ends, without white space behind it."""

    def unreadable(reason: str) -> UnreadableTemplate:
        return UnreadableTemplate(Problem(("prompt", field), f"{path} {reason}"))

    try:
        if not path.is_file():
            raise unreadable("is no file" if path.exists() else "does not exist")
        with path.open("rb") as stream:
            content = stream.read(MAX_TEMPLATE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unreadable(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > MAX_TEMPLATE_BYTES:
        raise unreadable(f"is larger than {MAX_TEMPLATE_BYTES >> 10} KiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise unreadable(f"is not UTF-8: byte {content[error.start]:#04x} in line {line}") from None
    return text.replace("\r\n", "\n").rstrip()


def _checked(path: Path, text: str, check: Callable[[str], Iterator[TemplateProblem]]) -> str:
    problems = [ConfigError(message, file=str(path), line=line) for line, message in check(text)]
    if problems:
        first, *others = problems
        raise ConfigError("\n".join([first.reason, *map(str, others)]), file=first.file, line=first.line)
    return text.strip("\n")
