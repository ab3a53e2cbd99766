"""Code in a guise: as a JSON value, a diff, numbered or quoted lines, lines behind a prompt. Text alone, no syntax."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise

from maze_tasks.validation.lines import lines_of, tokens
from maze_tasks.validation.stubs import is_stub

# What models call the field of a JSON object that holds their code, the likeliest first.
_FIELDS = (
    *("code", "fill", "completion", "solution", "implementation", "body", "function", "function_body", "replacement"),
    *("answer", "content", "text", "generated_text", "response", "result", "output"),
)
_NUMBERED = re.compile(r"^[ \t]*(?P<number>\d{1,5})(?P<sign>[ \t]*[|:.)\u2502]|)(?P<code>(?:[ \t].*)?)$")
_QUOTED = re.compile(r"^> ?", re.MULTILINE)
_PROMPT = re.compile(r"^[ \t]*(?:>>>|\.\.\.)(?: |$)", re.MULTILINE)
_EDIT = re.compile(r"^<{5,9}[^\n<>]*\n(?P<old>.*?)^={5,9}[ \t]*\n(?P<new>.*?)^>{5,9}[^\n]*$", re.MULTILINE | re.DOTALL)
_HUNK = re.compile(r"^@@ .*@@|^(?:diff --git |\+\+\+ |--- )")
_LABEL = re.compile(
    r"\A\s*(?:assistant|answer|code|output|solution|fill|completion|response)[ \t]*:[ \t]*", re.IGNORECASE
)
_TEXT = re.compile(r"\A\s*(\"\"\"|''')(?:\n|(?=[ \t]*\S))(?P<code>.*)\1\s*\Z", re.DOTALL)
_WHITE = re.compile(r"[\xa0\u2000-\u200a\u202f\u3000]")  # blanks that no language takes for white space
_BRACKETED = re.compile(r"<<<\s*(?:HOLE|FILL)\b[^<>\n]*>>>")
_MARK = re.compile(
    r"[ \t]*(?:(?:(?:#|//|--|/\*)\s*)?<<<\s*(?:HOLE|FILL)\b[^<>\n]*>>>|(?:#|//|--|/\*)\s*HOLE\b[^\n]*"
    r"|(?i:(?:#|//)\W*(?:(?:add|insert|put|write)\s+)?your\s+(?:code|implementation|solution)\b[^\n]*))"
    r"[ \t]*(?:\*/)?\s*"
)


def undressed(text: str, language: str | None) -> tuple[list[str], bool]:
    """Readings of a text whose code wears a guise, without it, and whether it certainly wears one.

    Args:
        text: a piece of a reply, its lines ending in line feeds.
        language: the language of the code.
    """
    sure = [reading for way in (_in_json, _replaced, _diffed, _numbered, _prompted, _quoted) for reading in way(text)]
    readings = dict.fromkeys((*sure, *_in_text(text), _spaced(text, language), unmarked(text, language)))
    return [plain for plain in readings if plain.strip() and plain != text], bool(sure)


def unmarked(text: str, language: str | None) -> str:
    """A text without lines that only say where the code goes: the mark of the hole, or "your code here"."""
    if not (_MARK.search(text) or _BRACKETED.search(text)):
        return text
    lines = [line for line in lines_of(text, language) if line.frozen or not _MARK.fullmatch(line.text)]
    return "".join(line.text if line.frozen else _BRACKETED.sub("", line.text) for line in lines)


def is_diff(text: str) -> bool:
    """Whether every line of a text that holds something begins with the sign of an added line."""
    return all(line.startswith("+") for line in text.split("\n") if line.strip())


def unlabelled(text: str) -> str:
    """A text without a word such as ``Answer:`` ahead of it."""
    return _LABEL.sub("", text, count=1)


def is_text(text: str) -> bool:
    """Whether a text is nothing but a string, of python or of JSON."""
    readings = (*_in_text(text), *_in_json(text))
    return text.strip()[:1] in ("'", '"') and bool(readings)


def _in_json(text: str) -> Iterator[str]:
    if text.strip()[:1] not in ("{", "[", '"'):
        return
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return
    for _ in range(len(_FIELDS)):
        if isinstance(value, dict):
            value = _field(value)
        elif isinstance(value, list):
            lines = [line for line in value if isinstance(line, str)]
            value = "\n".join(lines) if len(lines) == len(value) else value[0] if len(value) == 1 else None
        else:
            break
    if isinstance(value, str):
        yield value.replace("\r\n", "\n")


def _field(value: dict[str, object]) -> object:
    """What an object holds as code: its best known field, or the only one there is."""
    named = {name.lower().replace("-", "_"): held for name, held in value.items()}
    known = next((named[name] for name in _FIELDS if isinstance(named.get(name), str | list | dict)), None)
    return known if known is not None else next(iter(value.values())) if len(value) == 1 else None


def _diffed(text: str) -> Iterator[str]:
    """What a diff makes of its lines: those kept and those added, then these alone."""
    lines = text.split("\n")
    hunks = any(_HUNK.match(line) for line in lines)
    if not hunks and not (is_diff(text) and text.strip()):
        return
    lines = [line for line in lines if not _HUNK.match(line) and not line.startswith("\\ ")]
    yield "\n".join(line[1:] for line in lines if not line.startswith("-"))
    if all(_may_go(line[1:]) for line in lines if line.startswith("-")):
        yield "\n".join(line[1:] for line in lines if line.startswith("+"))


def _may_go(line: str) -> bool:
    """Whether a line that a change takes away may be what stood in the hole; another one was changed elsewhere."""
    return is_stub(line) or line.strip()[:1] in ("'", '"', "}", "{")


def _replaced(text: str) -> Iterator[str]:
    """The new text of an edit that shows the old one ahead of it, if that may be what stood in the hole."""
    edits = list(_EDIT.finditer(text))
    if len(edits) == 1 and any(is_stub(line) for line in edits[0]["old"].split("\n")):
        yield edits[0]["new"]


def _numbered(text: str) -> Iterator[str]:
    """A text whose lines are numbered one after the other."""
    lines = text.rstrip("\n").split("\n")
    found = [_NUMBERED.match(line) for line in lines if line.strip()]
    matches = [match for match in found if match is not None]
    if not matches or len(matches) < len(found):
        return
    numbers = [int(match["number"]) for match in matches]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        return
    codes = [match["code"] for match in matches]
    gap = min((len(code) - len(code.lstrip(" ")) for code in codes if code.strip()), default=0)
    numbered = iter(codes)
    kept = [next(numbered) if line.strip() else "" for line in lines]
    for blanks in dict.fromkeys((1, 2, gap)):
        yield "\n".join(code[min(blanks, gap) :] for code in kept) + "\n"


def _prompted(text: str) -> Iterator[str]:
    """The input of a session of python."""
    if all(_PROMPT.match(line) for line in text.split("\n") if line.strip()):
        yield _PROMPT.sub("", text)


def _quoted(text: str) -> Iterator[str]:
    if all(_QUOTED.match(line) for line in text.split("\n") if line.strip()):
        yield _QUOTED.sub("", text)


def _in_text(text: str) -> Iterator[str]:
    """What stands between two signs that enclose a text of several lines, if it is all there is."""
    match = _TEXT.match(text)
    if match is not None and match[1] not in match["code"]:
        yield match["code"]


def _spaced(text: str, language: str | None) -> str:
    """A text with plain blanks in place of others, but for those within its strings."""
    if not _WHITE.search(text):
        return text
    parts, at = list[str](), 0
    for kind, start, end in tokens(text, language):
        if kind == "string":
            parts += [_WHITE.sub(" ", text[at:start]), text[start:end]]
            at = end
    return "".join([*parts, _WHITE.sub(" ", text[at:])])
