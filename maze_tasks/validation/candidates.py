"""Readings of a reply as code for its hole, the most literal first. Which of them fits is for others to say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from maze_tasks.validation.definitions import Taken, bodies, without_imports
from maze_tasks.validation.echoes import is_echo, without_comments, without_echo
from maze_tasks.validation.frame import Frame
from maze_tasks.validation.guises import undressed, unlabelled
from maze_tasks.validation.imports import names_in, needed, with_imports
from maze_tasks.validation.indentation import edged, moved_to, reindented, with_newlines
from maze_tasks.validation.lines import indent_of, lines_of, stripped, unbraced, unmatched
from maze_tasks.validation.replies import blocks, cleaned, inline, ranked, without_fences, without_prose
from maze_tasks.validation.trees import read

_DEFINITION = re.compile(r"\s*(?:async\s+def|def|class|@\w)\b")
_LEAVES = re.compile(r"\s*(?:return|raise)\b")
_AFTERWARDS = re.compile(r"\s*(?:(?:async\s+def|def|class|assert|import|from)\b|@\w|if\s+__name__|print\s*\()")
_SHOWS = re.compile(r"\s*(?:print\s*\(|assert\b|>>> |console\.|System\.out|println!|fmt\.Print|printf\s*\()")
_HEADER = re.compile(r"(?!\s*(?:if|else|for|while|switch|do|try|catch|match|loop)\b)[^;=]*\{\s*$|\s*(?://|/\*|#\[|@)")
_TRAILING = re.compile(r"[;,\s]+\Z")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One reading of a reply.

    Args:
        code: what would go into the hole.
        imports: import statements that were outside the body.
        missing: names that the code needs and that cannot be brought along.
    """

    code: str
    imports: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def candidates(reply: str, frame: Frame) -> Iterator[Candidate]:
    """Readings of a reply, the most literal first.

    Args:
        reply: the reply as it came.
        frame: the code around the hole.
    """
    for text in cleaned(reply):
        plain, sure = undressed(_unix(text), frame.language)
        wholes = plain if sure else [text]
        for piece in (one for whole in wholes for one in pieces(whole, frame) if one.strip()):
            yield from _dressed(piece, frame)


def _dressed(piece: str, frame: Frame) -> Iterator[Candidate]:
    """The shapes of a piece of code, which may wear a guise of its own."""
    plain, sure = undressed(piece, frame.language)
    for inner in (one for text in plain for one in pieces(text, frame) if one.strip()):
        yield from _shapes(inner, frame)
    if not sure:
        yield from _shapes(piece, frame)
        yield from _shapes(unlabelled(piece), frame)


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def pieces(text: str, frame: Frame) -> Iterator[str]:
    """Parts of a text that may be the code: its fenced blocks, those with the wanted definition first; else itself."""
    text = _unix(text)
    found = ranked(blocks(text), frame.language)
    if found:
        yield from _of_blocks([block.code for block in found], frame)
        return
    yield text
    if (bare := without_fences(text)) != text:
        yield bare
    yield from without_prose(text, frame.language)
    quoted = text.strip()
    if not frame.statements or quoted[:1] == quoted[-1:] == "`":
        yield from inline(text)


def _of_blocks(codes: list[str], frame: Frame) -> Iterator[str]:
    """Readings of several blocks: those with the wanted definition; else the first, all, and each that uses nothing.

    A block that only calls what is wanted shows how it is used: it is not the answer, even if the one that is does not
    fit.
    """
    defining = [code for code in codes if _defines(code, frame)]
    joined = ["\n".join(codes)] if len(codes) > 1 else []
    if defining:
        yield from (*joined, *defining)
        return
    answers = [code for code in codes if not _is_usage(code, frame)] or codes[:1]
    yield from (answers[0], *joined, *answers[1:])


def _is_usage(code: str, frame: Frame) -> bool:
    """Whether code seems to show how the wanted function is used."""
    if frame.owner is None or not frame.owner.name:
        return False
    return re.search(rf"(?<!\w){re.escape(frame.owner.name)}\(", code) is not None or bool(_SHOWS.match(code))


def _defines(code: str, frame: Frame) -> bool:
    """Whether code seems to hold the definition that the hole stands in."""
    if frame.owner is None or not frame.owner.name:
        return False
    name = rf"(?<!\w){re.escape(frame.owner.name)}(?!\w)"
    wanted = rf"def\s+{name}" if frame.language == "python" else rf"{name}[^;\n]*\{{"
    return re.search(wanted, code) is not None


def _shapes(piece: str, frame: Frame) -> Iterator[Candidate]:
    """A piece of code in the shapes that may fit the hole; none of one that only repeats what is around."""
    if is_echo(piece, frame.before, frame.after):
        return
    if frame.inner and (within := unbraced(piece, frame.language)) != piece:
        yield from _indentations(within.strip("\n"), frame)
    yield from _braced(piece, frame)
    yield _edged(piece, frame)
    for taken in bodies(piece, frame):
        yield from _from_definition(taken, frame)
    for text in without_echo(piece, frame.before, frame.after):
        yield from _indentations(text, frame)
    apart = without_imports(piece, frame) if frame.owner else None
    if apart is not None:
        for shape in _indentations(apart[0], frame):
            yield _with(shape.code, apart[1], (), (), frame)
    if frame.language == "python" and (reached := _reached(piece)) is not None:
        yield from _indentations(reached, frame)
    yield from _indentations(piece, frame)
    if frame.statements and frame.language != "python" and piece.rstrip()[-1:] not in (";", "}"):
        yield _edged(f"{piece.rstrip()};", frame)
    yield from _shortened(piece, frame)
    if not frame.statements:
        yield from _expressions(piece)


def _braced(text: str, frame: Frame) -> Iterator[Candidate]:
    """A text of a language whose indentation has no meaning, at the hole's all the same."""
    if frame.language == "python" or not frame.indent or not frame.statements:
        return
    begun = [line.indent for line in lines_of(text, frame.language) if line.begins]
    if not begun or begun[0] == frame.indent:
        return
    if len(begun) > 1 and all(indent.startswith(frame.indent) for indent in begun[1:]):
        yield _edged(frame.indent + text.lstrip(), frame)  # the first line was stripped of its white space
    elif all(indent.startswith(begun[0]) for indent in begun):
        yield _edged(moved_to(text, begun[0], frame.indent, frame.language), frame)


def _edged(text: str, frame: Frame) -> Candidate:
    code = edged(text, frame.before, frame.after, block=frame.inline)
    return Candidate(with_newlines(code, frame.newline))


def _indentations(text: str, frame: Frame) -> Iterator[Candidate]:
    """A text as it is, and with its statements at the hole's indentation."""
    yield from _braced(text, frame)
    yield _edged(text, frame)
    if frame.language == "python" and (frame.inline or not frame.left.strip()):
        for indent in _targets(text, frame):
            for moved in reindented(text, indent):
                yield _edged(moved, frame)


def _targets(text: str, frame: Frame) -> list[str]:
    """Indentations that a text may be meant for: that of the hole; for a definition first those of definitions."""
    outer = [one.indent for one in frame.references if one.only_definitions]
    return [*outer, frame.indent] if outer and _DEFINITION.match(text) else [frame.indent]


def _from_definition(taken: Taken, frame: Frame) -> Iterator[Candidate]:
    """The body of a definition; for a hole that is but a part of one, without what stands around the hole."""
    owner = frame.owner
    if owner and owner.whole:
        texts = [without_comments(taken.body, frame.before)]
    else:
        texts = list(without_echo(taken.body, frame.before, frame.after))
    for text in texts:
        if frame.language == "python":
            shapes = _indentations(text, frame)
        else:
            base = next((line.indent for line in lines_of(text, frame.language) if line.begins), "")
            shapes = iter([_edged(moved_to(text, base, frame.indent or base, frame.language), frame)])
        for shape in shapes:
            yield _with(shape.code, taken.imports, taken.helpers, taken.missing, frame)


def _with(
    code: str, imports: tuple[str, ...], helpers: tuple[str, ...], missing: tuple[str, ...], frame: Frame
) -> Candidate:
    """Code with the helpers and the imports it needs at its top, where they may stand there."""
    code = code.replace("\r\n", "\n")
    for helper in reversed(helpers):
        moved = _all_moved(helper, frame)
        code = f"{moved}{frame.indent if frame.left else ''}{code}"
    tree = read(frame.language, code)
    wanted = needed(imports, names_in(tree) if tree is not None else set(), frame)
    code = with_imports(code, wanted, frame)
    return Candidate(with_newlines(code, frame.newline), tuple(wanted), missing)


def _all_moved(helper: str, frame: Frame) -> str:
    """A definition from the top of a module, at the hole's indentation."""
    moved = moved_to(f"{helper}\n", "", frame.indent, frame.language)
    return moved.lstrip(" \t") if frame.left else moved


def _shortened(piece: str, frame: Frame) -> Iterator[Candidate]:
    """A piece without what follows the end of the code around the hole, as models that complete text go on."""
    if frame.language != "python":
        at = unmatched(piece, frame.language)
        if at is not None and piece[:at].strip() and _is_outside(piece, at, frame):
            yield _edged(piece[:at], frame)
        return
    lines = lines_of(piece, "python")
    begun = [row for row, line in enumerate(lines) if line.begins]
    if not begun:
        return
    rows = begun[1:] if stripped(lines, begun) else begun[:1]
    least = min(lines[row].width for row in rows)
    end = next((row for row in begun[1:] if lines[row].width < least), None)
    if end is None:
        return
    last = [row for row in begun if row < end and lines[row].width <= least][-1]
    # What follows must be no part of the body that is but indented wrongly.
    outside = frame.owner is None or lines[end].width <= len(frame.owner.indent.expandtabs(8))
    if _AFTERWARDS.match(lines[end].text) or (outside and _LEAVES.match(lines[last].text)):
        yield from _indentations("".join(line.text for line in lines[:end]), frame)


def _is_outside(piece: str, at: int, frame: Frame) -> bool:
    """Whether what follows a bracket that closes too much stands outside: less deep, or the begin of a definition."""
    rest = next((line for line in piece[at + 1 :].split("\n") if line.strip("} ;\t\r")), "")
    begun = [line.indent for line in lines_of(piece[:at], frame.language) if line.begins]
    least = min(begun, default="", key=len)
    return not rest or len(indent_of(rest)) < len(least) or bool(_HEADER.match(rest))


def _reached(piece: str) -> str | None:
    """A piece without the definitions and calls that follow its last statement, which returns; None without these."""
    lines = lines_of(piece, "python")
    begun = [row for row, line in enumerate(lines) if line.begins]
    for row, following in pairwise(begun):
        same = lines[row].width == lines[following].width == lines[begun[0]].width
        if same and _LEAVES.match(lines[row].text) and _AFTERWARDS.match(lines[following].text):
            return "".join(line.text for line in lines[:following])
    return None


def _expressions(piece: str) -> Iterator[Candidate]:
    """An expression without what ends a statement, and in brackets, so that nothing around binds tighter."""
    text = _TRAILING.sub("", piece.strip())
    yield Candidate(text)
    for value in (text, *([text.removeprefix("return").strip()] if text.startswith("return ") else [])):
        yield Candidate(value)
        yield Candidate(f"({value})")
