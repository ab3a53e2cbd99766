"""The texts around a prompt's facts, which a user may replace: what they may say and how they are filled in.

A template is plain text with ``$name`` or ``${name}`` for what is put in, ``$$`` for a dollar sign. Nothing in it is
ever executed, and what is put in is not looked at again. A paragraph whose placeholders are all empty is left out, and
so is a line of one that consists of an empty placeholder alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final, NamedTuple

from maze_tasks.models.reading import Shape, did_you_mean

_FOLDER: Final = "templates"
_SYSTEM_FILE: Final = "system.txt"
_PROMPT_FILE: Final = "prompt.txt"

# What a prompt may be made of: sections, which bring their own headings, and single facts.
SECTIONS: Final = ("task", "facts", "constraints", "shape", "context", "diagnostics", "code", "instruction")
FACTS: Final = ("language", "path", "marker", "signature", "docstring", "scale", "expected_type", "scope")
PROMPT_PLACEHOLDERS: Final = frozenset((*SECTIONS, *FACTS))
SYSTEM_PLACEHOLDERS: Final = frozenset({"language", "path"})
BOUNDED: Final = frozenset({"code", "context", "diagnostics"})
"""Sections that are cut to the room there is: each may stand only once."""

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_PLACEHOLDER: Final = re.compile(rf"\$(?:(?P<escaped>\$)|(?P<plain>{_NAME})|\{{(?P<braced>{_NAME})\}}|(?P<bad>))")
_ALONE: Final = re.compile(rf"[ \t]*\$(?:({_NAME})|\{{({_NAME})\}})[ \t]*")
_PARAGRAPHS: Final = re.compile(r"\n(?:[ \t]*\n)+")


class TemplateProblem(NamedTuple):
    """What is wrong with a template: the line, from 1, and a sentence."""

    line: int
    message: str


class Templates(Shape):
    """The texts of a run's prompts.

    `system` goes ahead of every prompt where the protocol has a place for it; `prompt` is the layout of a prompt for a
    hole that brings none of its own.
    """

    system: str
    prompt: str

    @property
    def digest(self) -> str:
        """SHA-256 over both texts, as 64 hexadecimal digits: two runs with one digest build their prompts alike."""
        system = self.system.encode("utf-8", "surrogatepass")
        prompt = self.prompt.encode("utf-8", "surrogatepass")
        return hashlib.sha256(b"%d\n%b%b" % (len(system), system, prompt)).hexdigest()


@cache
def default_templates() -> Templates:
    """The templates that come with the package."""
    folder = files("maze_tasks").joinpath(_FOLDER)
    return Templates(
        system=folder.joinpath(_SYSTEM_FILE).read_text(encoding="utf-8").strip(),
        prompt=folder.joinpath(_PROMPT_FILE).read_text(encoding="utf-8").strip(),
    )


def problems_of_system(text: str) -> Iterator[TemplateProblem]:
    """What is wrong with a system text."""
    yield from _problems(text, SYSTEM_PLACEHOLDERS)


def problems_of_prompt(text: str) -> Iterator[TemplateProblem]:
    """What is wrong with the layout of a prompt."""
    yield from _problems(text, PROMPT_PLACEHOLDERS)
    names = [_name(match) for match in _PLACEHOLDER.finditer(text)]
    if "code" not in names:
        yield TemplateProblem(1, "has no $code, so that no model would see where the hole is")
    for name in sorted(BOUNDED):
        places = [match.start() for match in _PLACEHOLDER.finditer(text) if _name(match) == name]
        if len(places) > 1:
            yield TemplateProblem(_line(text, places[1]), f"has ${name} a second time; it may stand only once")


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template with its placeholders filled in.

    Args:
        template: one that `problems_of_prompt` or `problems_of_system` has nothing to say about.
        values: by placeholder; a missing one counts as empty.
    """
    paragraphs = (
        _filled_paragraph(paragraph, values) if "$" in paragraph else paragraph for paragraph in _paragraphs(template)
    )
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph is not None)


@lru_cache(maxsize=64)  # of the few texts there are; the system text is filled in for every call
def _paragraphs(template: str) -> tuple[str, ...]:
    return tuple(_PARAGRAPHS.split(template))


def _filled_paragraph(paragraph: str, values: Mapping[str, str]) -> str | None:
    """A paragraph filled in, None where all that it is there for is empty."""
    names = {name for match in _PLACEHOLDER.finditer(paragraph) if (name := _name(match))}
    if names and not any(values.get(name) for name in names):
        return None
    kept = (line for line in paragraph.split("\n") if not _is_empty(line, values))
    return _PLACEHOLDER.sub(lambda match: _value(match, values), "\n".join(kept))


def _is_empty(line: str, values: Mapping[str, str]) -> bool:
    alone = _ALONE.fullmatch(line)
    return alone is not None and not values.get(alone[1] or alone[2])


def _value(match: re.Match[str], values: Mapping[str, str]) -> str:
    name = _name(match)
    return values.get(name, "") if name else "$"


def _name(match: re.Match[str]) -> str | None:
    return match["plain"] or match["braced"]


def _problems(text: str, known: frozenset[str]) -> Iterator[TemplateProblem]:
    for match in _PLACEHOLDER.finditer(text):
        name = _name(match)
        line = _line(text, match.start())
        if match["bad"] is not None:
            yield TemplateProblem(line, "has a $ that begins no placeholder; $$ stands for a dollar sign")
        elif name is not None and name not in known:
            hint = did_you_mean(name, known)
            listed = ", ".join(f"${one}" for one in sorted(known))
            yield TemplateProblem(line, f"unknown placeholder ${name}{hint or f'; known: {listed}'}")


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
