"""Which holes a hole needs: those of the functions that the code around it calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from maze_tasks.source.descent import Spot
from maze_tasks.source.surroundings import owner_of
from maze_tasks.syntax import Node, Tree, walk

_CALLEE: Final = ("function", "constructor", "name")
_OBJECT: Final = ("object", "value", "operand", "argument", "scope", "path")
_MEMBER: Final = ("attribute", "field", "property", "name", "member")
_SELF: Final = frozenset({"self", "cls", "this", "Self"})


@dataclass(frozen=True, slots=True)
class Called:
    """A call by name.

    Args:
        name: the last name of what is called.
        of: the name ahead of it, if there is one.
    """

    name: str
    of: str | None = None


class Callees:
    """Function holes of one text by name.

    Args:
        functions: scope and id of each hole that is the body of a function.
    """

    def __init__(self, functions: Iterable[tuple[tuple[str, ...], int]]) -> None:
        self._by_name: dict[str, list[tuple[tuple[str, ...], int]]] = defaultdict(list)
        for scope, hole_id in functions:
            self._by_name[scope[-1]].append((scope, hole_id))
        self._calls: dict[int, frozenset[Called]] = {}

    def needed_by(self, spot: Spot, scope: tuple[str, ...]) -> tuple[int, ...]:
        """Ids of the function holes that the function around `spot` calls, in ascending order; never its own.

        Args:
            spot: a hole that is not the body of that function.
            scope: its scope.
        """
        function = owner_of(spot)
        if function is None or not self._by_name:
            return ()
        if function.node.id not in self._calls:
            self._calls[function.node.id] = _calls_in(function)
        found = {
            hole_id
            for call in self._calls[function.node.id]
            for callee, hole_id in self._by_name.get(call.name, ())
            if callee != scope and _reaches(call, scope, callee)
        }
        return tuple(sorted(found))


def _reaches(call: Called, scope: Sequence[str], callee: Sequence[str]) -> bool:
    """Whether a call made in `scope` may mean the function `callee`."""
    above = tuple(callee[:-1])
    if call.of is None:
        return tuple(scope[: len(above)]) == above
    if call.of in _SELF:
        return bool(above) and tuple(scope[: len(above)]) == above
    return bool(above) and above[-1].rpartition(" as ")[0].lstrip("<") in ("", call.of) and call.of in above[-1]


def _calls_in(function: Spot) -> frozenset[Called]:
    tree, kinds = function.tree, function.grammar.calls
    found = (_called(tree, node) for node in walk(function.node) if node.type in kinds)
    return frozenset(call for call in found if call is not None)


def _called(tree: Tree, call: Node) -> Called | None:
    callee = _field(call, _CALLEE)
    if callee is None:
        return None
    if callee.type.endswith("identifier") and not callee.named_children:
        of = _field(call, _OBJECT) if call.type == "method_invocation" else None
        return Called(_text(tree, callee), _text(tree, of) if of is not None else None)
    of, member = _field(callee, _OBJECT), _field(callee, _MEMBER)
    if member is None:
        return None
    return Called(_text(tree, member), _text(tree, of) if of is not None else None)


def _field(node: Node, names: Sequence[str]) -> Node | None:
    return next((found for name in names if (found := node.child_by_field_name(name)) is not None), None)


def _text(tree: Tree, node: Node) -> str:
    return tree.text(node).decode(errors="replace")
