"""Ways in which a fill may fit its hole: the surroundings with something in it that does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from maze_tasks.syntax import Node, Tree
from maze_tasks.validation.grammar import (
    BLOCK_FIELDS,
    BLOCKS,
    CLASSES,
    FUNCTIONS,
    FURTHER_PLACEHOLDERS,
    IMPORTS,
    PLACEHOLDERS,
    is_docstring,
    name_of,
    parameters_of,
)
from maze_tasks.validation.lines import Line, indent_of, lines_of, opens, tokens, unit_of
from maze_tasks.validation.outline import Outline, chain, outline
from maze_tasks.validation.trees import read

_GOES_ON = re.compile(r"[(\[]|[ \t]*(?:[.,:)\]}|&*/%<>=!+-]|(?:if|else|for|in|is|and|or|not)\b)")  # no line begins so
_DEFINES = re.compile(r"[ \t]*(?:@|(?:async[ \t]+def|def|class)\b)")
_ENDS = re.compile(r"[ \t]*(?:#|(?:return|raise|pass|continue|break)\b|\.\.\.)")
_LEVELS = 8  # depths of indentation that a hole of unknown depth may have


@dataclass(frozen=True, slots=True)
class Owner:
    """The function that a hole stands in.

    Args:
        name: its name.
        parameters: its parameters without white space.
        indent: white space ahead of it.
        whole: whether the hole is all of its body, but for a docstring and imports ahead of it.
        opened: whether its body begins ahead of the hole, with a docstring or with statements.
    """

    name: str
    parameters: str
    indent: str
    whole: bool
    opened: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """One way in which a fill may fit.

    Args:
        outline: the surroundings with something in the hole that fits.
        text: what that was.
        indent: white space that the lines of a fill begin with.
        owner: the innermost function around the hole, if any.
        classes: names of the classes around the hole, outermost first.
        only_definitions: whether only functions and classes may stand there.
    """

    outline: Outline
    text: str
    indent: str
    owner: Owner | None
    classes: tuple[str, ...]
    only_definitions: bool = False

    @property
    def sound(self) -> bool:
        """Whether the surroundings parse around the hole, so that they can be compared."""
        return not self.outline.broken and bool(self.outline.guests)

    @property
    def statements(self) -> bool:
        """Whether statements may stand there."""
        rows = self.outline.rows
        return any(rows[row][1] in BLOCKS or field in BLOCK_FIELDS for row, field in self.outline.homes)


def references_of(language: str, before: str, after: str, marker: str, indent: str | None) -> Iterator[Reference]:
    """Ways to fit, the most likely first; where none is sound, the one with the least that does not parse.

    Args:
        language: the language, one that has a grammar.
        before: code ahead of the hole.
        after: code behind it.
        marker: what stands in the hole, if known.
        indent: white space that the lines of a fill begin with, if known.
    """
    found: list[Reference] = []
    marked = False
    for text in _placeholders(language, before, after, marker, indent):
        reference = _reference(language, before, after, text, indent)
        if reference is None:
            continue
        found.append(reference)
        own = _is_marker(text, marker)
        marked = marked or (own and bool(reference.outline.broken))
        clean = reference.sound and not reference.outline.faults
        if clean and (own or not _at_line_start(language, before)):
            break
        if reference.sound and indent is not None and (not own or language == "python"):
            break
    sound = [reference for reference in found if reference.sound]
    own_sound = [reference for reference in sound if _is_marker(reference.text, marker)]
    if own_sound or marked:
        sound = own_sound  # where what the file holds does not parse, what does is read as something else
    if not sound:
        yield from sorted(found, key=_faults)[:1]
        return
    if language != "python":
        best = min(len(reference.outline.faults) for reference in sound)
        sound = [one for one in sound if len(one.outline.faults) == best]
    yield from _distinct(sound, before, after)


def _is_marker(text: str, marker: str) -> bool:
    """Whether a placeholder is what stands in the hole, or that with the sign that ends a statement."""
    return bool(marker.strip()) and text.startswith(marker)


def _faults(reference: Reference) -> int:
    return len(reference.outline.faults) + len(reference.outline.broken)


def _distinct(references: list[Reference], before: str, after: str) -> Iterator[Reference]:
    """One of each depth: those in functions, and those further out as the place of new definitions.

    Further out may stand what else goes on where the hole is: a statement that follows it at the same depth.
    """
    following = next((line for line in after.split("\n") if line.strip()), "")
    first = references[0]
    whole = first.owner is not None and first.owner.whole
    apart = not whole and _may_begin(before)
    for one in references:
        nested = one.owner is not None and not whole
        goes_on = one.indent and indent_of(following) == one.indent and not _DEFINES.match(following)
        if _same_owner(one, first) or nested or goes_on:
            yield one
        elif apart:
            yield replace(one, only_definitions=True)


def _may_begin(before: str) -> bool:
    """Whether a definition may follow: behind a blank line, a comment, or a statement that leaves what it stands in."""
    last = before.rstrip("\r\n").rpartition("\n")[2]
    return before.endswith(("\n\n", "\n\r\n")) or _ENDS.match(last) is not None


def _same_owner(one: Reference, other: Reference) -> bool:
    def named(reference: Reference) -> tuple[str, str, str] | None:
        owner = reference.owner
        return (owner.name, owner.parameters, owner.indent) if owner else None

    return named(one) == named(other)


def _at_line_start(language: str, before: str) -> bool:
    """Whether the depth of a fill is open: python, and nothing ahead of the hole in its line."""
    return language == "python" and (not before or before.endswith("\n"))


def _placeholders(language: str, before: str, after: str, marker: str, indent: str | None) -> Iterator[str]:
    if marker.strip():
        yield marker
        if language != "python" and not marker.rstrip().endswith((";", "}")):
            yield f"{marker};"  # where the marker is but the expression of a statement
    if language != "python":
        yield from _braced_placeholders(language, before, after)
        return
    if not _at_line_start(language, before):
        placeholders = PLACEHOLDERS[language]
        yield from placeholders if before[before.rfind("\n") + 1 :].strip() else reversed(placeholders)
        return
    end = "" if after.startswith(("\n", "\r\n")) and not before else "\n"
    levels = _levels(before)
    for level in levels if indent is None else [indent, *levels]:
        yield f"{level}pass{end}"


def _braced_placeholders(language: str, before: str, after: str) -> Iterator[str]:
    """Placeholders of a language with braces: where the hole has lines of its own, first those that end a statement.

    A name alone would be read as one thing with the line behind it: ``hole`` ahead of ``x = 1;`` as a declaration.
    """
    left = before[before.rfind("\n") + 1 :]
    own_lines = not left.strip() and (not left or after.lstrip(" \t")[:1] in ("", "\n", "\r", "}"))
    end = "\n" if own_lines and not left else ""
    texts = PLACEHOLDERS[language]
    ordered = sorted(texts, key=lambda text: not text.endswith(";")) if own_lines else texts
    yield from (f"{text}{end}" for text in ordered)


def further_references(language: str, before: str, after: str, known: tuple[Reference, ...]) -> Iterator[Reference]:
    """Other ways to fit, for a fill that fits in none of those known: what else may stand in the hole.

    Args:
        language: the language, one that has a grammar.
        before: code ahead of the hole.
        after: code behind it.
        known: the ways that are known, at least one.
    """
    first = known[0]
    if not first.sound:
        return
    ends = ("", "\n") if before.endswith("\n") else ("",)
    if language == "python":
        # Lines of their own, whose depths are known, but for a piece of a line that stands at its begin.
        texts = ["hole"] if _GOES_ON.match(after) and not before[before.rfind("\n") + 1 :].strip() else []
    else:
        texts = [f"{text}{end}" for text in (*PLACEHOLDERS[language], *FURTHER_PLACEHOLDERS) for end in ends]
    for text in texts:
        found = _reference(language, before, after, text, first.indent)
        if found and found.sound and len(found.outline.faults) <= len(first.outline.faults):
            yield found


def _levels(before: str) -> list[str]:
    """Indentations that a line behind `before` may have, the deepest first."""
    begun = [line for line in lines_of(before, "python") if line.begins]
    if begun and opens(_statement(before, begun[-1])):
        return [begun[-1].indent + unit_of(before)]
    found: list[str] = []
    for line in reversed(begun):
        if not found or len(line.indent.expandtabs(8)) < len(found[-1].expandtabs(8)):
            found.append(line.indent)
    return [*found, *([] if "" in found else [""])][:_LEVELS]


def _statement(before: str, line: Line) -> str:
    """The last statement of a text, which begins with `line`, in one line and without comments."""
    text = before[before.rfind(line.text) :]
    for kind, start, end in reversed(list(tokens(text, "python"))):
        if kind == "comment":
            text = text[:start] + text[end:]
    return text.strip()


def _reference(language: str, before: str, after: str, text: str, indent: str | None) -> Reference | None:
    tree = read(language, f"{before}{text}{after}")
    if tree is None:
        return None
    start = len(before.encode("utf-8", "replace"))
    end = start + len(text.encode("utf-8", "replace"))
    around = outline(tree, start, end)
    piece = tree.data[start:end]
    tight_start, tight_end = start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
    nodes = chain(tree, tight_start, tight_end)
    owner = next((node for node in reversed(nodes) if node.type in FUNCTIONS), None)
    classes = tuple(name_of(tree, node) for node in nodes if node.type in CLASSES)
    held = _owner(tree, owner, tight_start, tight_end) if owner is not None else None
    found = Reference(around, text, "", held, classes)
    return replace(found, indent=_indent(language, before, after, found) if indent is None else indent)


def _indent(language: str, before: str, after: str, reference: Reference) -> str:
    """White space that the lines of a fill begin with, where the place does not say."""
    left = before[before.rfind("\n") + 1 :]
    if left and not left.strip():
        return left
    if not left and language == "python":
        return indent_of(reference.text)
    if not reference.statements:
        return indent_of(left)
    outer = reference.owner.indent if reference.owner else ""
    return outer + unit_of(f"{before}\n{after}", language) if reference.owner else outer


def _owner(tree: Tree, node: Node, start: int, end: int) -> Owner:
    line = tree.data[tree.data.rfind(b"\n", 0, node.start_byte) + 1 : node.start_byte]
    body = node.child_by_field_name("body")
    statements = _statements(body) if body is not None else []
    within = [one for one in statements if start <= one.start_byte and one.end_byte <= end]
    ahead = [one for one in statements if one.end_byte <= start]
    rest = [one for one in ahead if one.type not in IMPORTS and not is_docstring(one)]
    whole = bool(within) and not rest and len(ahead) + len(within) == len(statements)
    return Owner(
        name_of(tree, node), parameters_of(tree, node), indent_of(line.decode(errors="replace")), whole, bool(ahead)
    )


def _statements(body: Node) -> list[Node]:
    """What a body holds, without its braces."""
    inner = [child for child in body.children if child.is_named and not child.is_extra]
    if len(inner) == 1 and inner[0].type == "statement_list":
        return _statements(inner[0])
    return inner
