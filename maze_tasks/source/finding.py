"""The holes of one text, found on its tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from maze_tasks.models import Scale
from maze_tasks.source.blocks import Blocks, Element
from maze_tasks.source.comments import Wish, wish_of
from maze_tasks.source.descent import Spot, spot_at
from maze_tasks.source.exempt import is_bodiless_by_intent
from maze_tasks.source.grammars import FILES, GRAMMARS, STRINGS
from maze_tasks.source.markers import WORDS, marker_of
from maze_tasks.source.masking import Masked, masked
from maze_tasks.source.preprocessing import is_code
from maze_tasks.source.texts import Text
from maze_tasks.syntax import Node, Tree, parse

_LEVELS: Final = 8  # from the word of a marker up to the node that is the marker


@dataclass(frozen=True, slots=True)
class Finding:
    """A hole on the tree.

    Args:
        kind: ``body``, ``statement``, ``expression`` or ``comment``.
        scale: how large a fill is.
        marker: the marker, in its usual spelling.
        start: offset of the first byte of the marker.
        end: offset behind its last byte.
        spot: the node that is the marker, or the first of several.
        wishes: what hole comments in and beside the marker ask for.
    """

    kind: str
    scale: Scale
    marker: str
    start: int
    end: int
    spot: Spot
    wishes: tuple[Wish, ...] = ()


def find(text: Text, language: str, *, stub: bool = False, todo: bool = False) -> Iterator[Finding]:
    """Holes of a text, in its order; none overlaps another.

    Args:
        text: the text.
        language: what it is written in.
        stub: whether it is a stub file, where functions have no bodies.
        todo: whether comments that begin with TODO or FIXME are holes.

    Raises:
        Refused: there is no grammar for that language.
        ParseBudgetSpent: it takes too long to parse.
    """
    words = _words(language, todo=todo)
    if words.search(text.utf8) is None:
        return
    tree, names = _parsed(text, language, todo=todo)
    finder = _Finder(text, tree, names, stub=stub, todo=todo)
    covered = 0
    for match in words.finditer(text.utf8):
        if match.start() < covered:
            continue
        spot = spot_at(tree, match.start())
        found = finder.at(spot) if spot is not None else None
        if found is not None and found.start >= covered:
            covered = max(found.end, match.end())
            yield found


@cache
def _words(language: str, *, todo: bool) -> re.Pattern[bytes]:
    also = r"|\bTODO\b|\bFIXME\b" if todo else r"|\bTODO\b" if language in ("c", "cpp") else ""
    return re.compile(rf"{WORDS[language]}|\bHOLE\b{also}".encode())


def _parsed(text: Text, language: str, *, todo: bool) -> tuple[Tree, Masked]:
    """The tree of a text with names for holes, but for comments that the code is better understood with."""
    names = masked(language, text.utf8, todo=todo)
    tree = parse(language, names.data)
    wrong = [span for span in names.spans if _breaks(text, tree, span)]
    if not wrong:
        return tree, names
    data = bytearray(names.data)
    for start, end in wrong:
        data[start:end] = text.utf8[start:end]
    kept = tuple(span for span in names.spans if span not in frozenset(wrong))
    again = Masked(bytes(data), kept)
    return parse(language, again.data), again


def _breaks(text: Text, tree: Tree, span: tuple[int, int]) -> bool:
    spot = spot_at(tree, span[0])
    is_raw = text.utf8.startswith(b"<<<", span[0])
    return not is_raw and (spot is None or any(node.is_error for node in spot.nodes))


class _Finder:
    """Decides about each place of a text where a word of a marker stands."""

    def __init__(self, text: Text, tree: Tree, names: Masked, *, stub: bool, todo: bool) -> None:
        self._text, self._tree, self._stub, self._todo = text, tree, stub, todo
        self._names = dict(names.spans)
        self._grammar = GRAMMARS[tree.language]
        self._blocks = Blocks(self._element)

    def at(self, spot: Spot) -> Finding | None:
        """The hole that the word at `spot` belongs to, if it does."""
        if spot.node.type in STRINGS or not is_code(spot):
            return None
        for levels in range(1, min(_LEVELS, len(spot.nodes)) + 1):
            at = spot.up_to(len(spot.nodes) - levels)
            if at.node.type in self._grammar.comments:
                return self._comment(at)
            if (element := self._element(at.node)) is not None:
                return self._code(self._outermost(at), element)
        return None

    def _element(self, node: Node) -> Element | None:
        """What a node is of a hole, seen alone."""
        if self._is_name(node):
            raw = self._text.utf8.startswith(b"<<<", node.start_byte)
            wish = wish_of(self._original(node.start_byte, self._names[node.start_byte]), bare_todo=True, todo=True)
            return Element(wish.marker, wish, is_comment=not raw) if wish is not None else None
        if node.type in self._grammar.comments:
            wish = self._wish(self._original(node.start_byte, node.end_byte))
            return Element(wish.marker, wish, is_comment=True) if wish is not None else None
        marker = marker_of(self._tree, node)
        return Element(marker, None, is_comment=False) if marker is not None else None

    def _is_name(self, node: Node) -> bool:
        """Whether a node is, alone or as a statement, a name that was put for a hole."""
        end = self._names.get(node.start_byte)
        if end is None or node.type in self._grammar.blocks or node.type in self._grammar.comments:
            return False
        if node.type == "expression_statement":
            return all(child.end_byte == end for child in node.named_children if not child.is_extra)
        return node.end_byte == end

    def _wish(self, comment: str) -> Wish | None:
        return wish_of(comment, bare_todo=self._tree.language in ("c", "cpp"), todo=self._todo)

    def _original(self, start: int, end: int) -> str:
        return self._text.utf8[start:end].decode(errors="replace")

    def _outermost(self, spot: Spot) -> Spot:
        """The statement that is nothing but the marker at `spot`, or `spot`."""
        while (parent := spot.parent) is not None and self._element(parent.node) is not None:
            spot = parent
        return spot

    def _code(self, spot: Spot, element: Element) -> Finding | None:
        """The hole of a marker that is code."""
        if (whole := self._whole_block(spot)) is not None:
            return whole
        if self._tree.language == "python" and element.wish is None:
            return None  # only a body that consists of it is a hole
        parent = spot.parent
        in_block = parent is not None and parent.node.type in self._grammar.blocks
        if not (in_block or spot.node.type.endswith("statement")):
            return self._found("expression", Scale.NANO, spot, [(spot.node, element)])
        kind = "comment" if element.is_comment else "statement"
        at_top = element.wish is not None and (parent is None or parent.node.type in FILES or self._in_class(spot))
        return self._found(kind, Scale.MACRO if at_top else Scale.MICRO, spot, [(spot.node, element)])

    def _whole_block(self, spot: Spot) -> Finding | None:
        """The hole that the whole block around `spot` is, if there is nothing else in it."""
        block = self._blocks.around(spot)
        if block is None or not block.is_hole:
            return None
        owner = block.spot.parent
        is_body = owner is not None and owner.node.type in self._grammar.functions
        explicit = any(element.wish is not None for _, element in block.elements)
        if not explicit and self._tree.language == "python" and not (is_body and self._lacks_body(owner)):
            return None
        if owner is not None and owner.node.type in self._grammar.classes:
            return None
        if is_body:
            return self._found("body", Scale.MACRO, spot, block.elements)
        return self._found("statement", Scale.MESO, spot, block.elements)

    def _lacks_body(self, function: Spot | None) -> bool:
        """Whether a Python function that consists of a marker should have a body."""
        return function is not None and not self._stub and not is_bodiless_by_intent(function)

    def _comment(self, spot: Spot) -> Finding | None:
        """The hole of a comment that has stayed one."""
        element = self._element(spot.node)
        if element is None:
            return None
        if (whole := self._whole_block(spot)) is not None:
            return whole
        start = spot.node.start_byte
        first = self._text.line_start(start) + len(self._text.indent_at(start).encode())
        pieces = [(spot.node, element)]
        if first == start:
            if (marked := self._marked_below(spot.node)) is not None:
                return self._found("statement", Scale.MICRO, spot, [*pieces, marked])
            inside = any(node.type in self._grammar.functions for node in spot.nodes)
            return self._found("comment", Scale.MICRO if inside else Scale.MACRO, spot, pieces)
        if (ahead := self._statement_ahead(first, start)) is not None:
            pieces = [(ahead.node, replace(element, wish=None)), *pieces]
            return self._found("statement", Scale.MICRO, ahead, pieces)
        if self._text.utf8[spot.node.end_byte : self._text.line_end(start)].strip():
            return self._found("expression", Scale.NANO, spot, pieces)
        return self._found("comment", Scale.MICRO, spot, pieces)

    def _marked_below(self, comment: Node) -> tuple[Node, Element] | None:
        """The marker right below a hole comment, which speaks of it."""
        below = comment.next_named_sibling
        if below is None or below.is_extra or below.start_point.row > comment.end_point.row + 1:
            return None
        element = self._element(below)
        if element is None or (self._tree.language == "python" and element.wish is None):
            return None
        return below, element

    def _statement_ahead(self, first: int, end: int) -> Spot | None:
        """The statement that begins at `first` and is all there is up to `end`."""
        spot = spot_at(self._tree, first)
        for index in range(1, len(spot.nodes) if spot is not None else 0):
            assert spot is not None
            node, parent = spot.nodes[index], spot.nodes[index - 1]
            if node.start_byte == first and node.end_byte <= end and parent.type in self._grammar.blocks:
                between = self._text.utf8[node.end_byte : end]
                return spot.up_to(index) if between.strip(b" \t;") == b"" and not node.is_error else None
        return None

    def _in_class(self, spot: Spot) -> bool:
        """Whether members of a class stand at `spot`, not statements of a function."""
        for node in reversed(spot.nodes[:-1]):
            if node.type in self._grammar.functions:
                return False
            if node.type in self._grammar.classes:
                return True
        return False

    def _found(self, kind: str, scale: Scale, spot: Spot, elements: list[tuple[Node, Element]]) -> Finding:
        wishes = [element.wish for _, element in elements if element.wish is not None]
        marker = next((element.marker for _, element in elements if element.wish is None), elements[0][1].marker)
        start, end = elements[0][0].start_byte, elements[-1][0].end_byte
        while end > start and self._text.utf8[end - 1 : end] in (b"\n", b"\r"):
            end -= 1  # Rust's doc comments hold the end of their line
        if kind != "expression" and (beside := self._wish_behind(end)) is not None:
            wishes.append(beside)
        named = next((wish.scale for wish in wishes if wish.scale is not None), None)
        first = spot_at(self._tree, start)
        at = spot if first is None else _widened(first, elements[0][0])
        return Finding(kind, named or scale, marker, start, end, at, tuple(wishes))

    def _wish_behind(self, end: int) -> Wish | None:
        """What a comment asks for that follows `end` on its line."""
        rest = self._original(end, self._text.line_end(end)).strip(" \t;\r\n")
        return self._wish(rest) if rest.startswith((self._grammar.line_comment, "/*")) else None


def _widened(spot: Spot, node: Node) -> Spot:
    """The spot of `node`, given one in it."""
    for index in range(len(spot.nodes) - 1, -1, -1):
        if spot.nodes[index] == node:
            return spot.up_to(index)
    return spot
