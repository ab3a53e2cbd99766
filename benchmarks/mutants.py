"""Wrong versions of code, each different from it in one place: what a weak model's answers look like to a verifier."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Sequence
from itertools import pairwise

# Operators, how each is written, and what is written instead.
# fmt: off
SIGNS = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is",
    ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in", ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/",
    ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**", ast.And: "and", ast.Or: "or",
}
INSTEAD = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "is": "is not", "is not": "is", "in": "not in",
    "not in": "in", "+": "-", "-": "+", "*": "+", "/": "*", "//": "*", "%": "*", "**": "*", "and": "or", "or": "and",
}
# fmt: on

Span = tuple[int, int, int]  # line from 1, first and last byte of it


def mutants(before: str, body: str, after: str, *, limit: int | None = None, seed: int = 0) -> list[str]:
    """Bodies that differ from `body` in one place and parse; each has as many lines, and no two are alike.

    What is changed: comparisons, arithmetic, ``and`` and ``or``, ``not``, numbers, truth values, what is returned.

    Args:
        before: the file ahead of the body.
        body: whole lines.
        after: the file behind it.
        limit: of them at most; None is all.
        seed: of the order.

    Raises:
        SyntaxError: the whole does not parse.
    """
    first = before.count("\n") + 1
    last = first + body.count("\n") - 1
    lines = body.splitlines(keepends=True)
    made: dict[str, None] = {}
    for node in ast.walk(ast.parse(before + body + after)):
        line = getattr(node, "lineno", 0)
        if first <= line <= (getattr(node, "end_lineno", 0) or 0) <= last:
            for (at, start, end), text in _changes(node, before + body + after):
                raw = lines[at - first].encode()
                changed = (raw[:start] + text.encode() + raw[end:]).decode()
                made["".join([*lines[: at - first], changed, *lines[at - first + 1 :]])] = None
    found = [one for one in made if one != body and _parses(before + one + after)]
    random.Random(seed).shuffle(found)
    return found[:limit]


def _parses(text: str) -> bool:
    try:
        compile(text, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def _changes(node: ast.AST, text: str) -> Iterator[tuple[Span, str]]:
    """What may be written in place of what, within one line."""
    match node:
        case ast.Compare(left=left, ops=ops, comparators=others):
            for operator, one, other in zip(ops, [left, *others], others, strict=False):
                yield from _between(one, other, operator, text)
        case ast.BinOp(left=left, op=operator, right=right):
            yield from _between(left, right, operator, text)
        case ast.BoolOp(op=operator, values=values):
            for one, other in pairwise(values):
                yield from _between(one, other, operator, text)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _whole(node, ast.get_source_segment(text, operand) or "")
        case ast.Constant(value=bool() as value):
            yield from _whole(node, str(not value))
        case ast.Constant(value=int() as value):
            yield from _whole(node, str(value + 1))
            yield from _whole(node, str(value - 1) if value > 0 else "2")
        case ast.Return(value=ast.expr() as value):
            yield from _whole(value, "None")


def _whole(node: ast.expr, written: str) -> Iterator[tuple[Span, str]]:
    if node.lineno == node.end_lineno and "\n" not in written:
        yield (node.lineno, node.col_offset, node.end_col_offset or 0), written


def _between(one: ast.expr, other: ast.expr, operator: ast.AST, text: str) -> Iterator[tuple[Span, str]]:
    """Change the operator between two operands, where it stands there alone."""
    sign = SIGNS.get(type(operator))
    if sign is None or one.end_lineno != other.lineno:
        return
    start, end = one.end_col_offset or 0, other.col_offset
    between = text.split("\n")[other.lineno - 1].encode()[start:end].decode()
    if between.strip() == sign:
        at = start + len(between[: between.index(sign)])
        yield (other.lineno, at, at + len(sign)), INSTEAD[sign]


def drawn(seed: int, *names: str) -> random.Random:
    """Draws that depend on the seed and the names alone.

    Args:
        seed: of the whole benchmark.
        names: what is drawn for, such as an endpoint and a hole.
    """
    return random.Random("\0".join([str(seed), *names]))


def answers(original: str, wrong: Sequence[str], rate: float, draw: random.Random, count: int = 1) -> list[str]:
    """What an endpoint says: wrong ones at a rate, else the original.

    Args:
        original: what is right.
        wrong: what is not, if there is any.
        rate: share of wrong answers, 0 to 1.
        draw: for the choice.
        count: of answers.
    """
    return [draw.choice(wrong) if wrong and draw.random() < rate else original for _ in range(count)]
