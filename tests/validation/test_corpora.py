"""Recorded bodies: those that work stay as they are and are rejected by nothing; wrapped, they come back."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from maze_tasks.models import Hole
from maze_tasks.validation import Fill, check, take_apart, verdict
from maze_tasks.validation.lines import lines_of
from tests.validation.holes import hole, row_hole, rows
from tests.validation.wrappings import alike, guises, wrapped

SETS = ("humaneval", "mbpp", "classeval_holes")
EVERY = 7  # one of so many bodies is put into all the wrappings

# A body with what is awkward in one: blank lines, brackets over lines, comments, an inner function, comparisons.
BEFORE = '''import math


class Table:
    """Rows."""

    def total(self, rows, scale=1):
        """The sum of the rows.

        Each is scaled.
        """
'''
BODY = """        def counts(row):
            # rows that count
            return row is not None and 0 <= row < 10

        kept = [
            row * scale
            for row in rows
            if counts(row)
        ]

        if not kept:
            return 0
        return math.fsum(kept)
"""
AFTER = """
    def other(self):
        return self.total([1])
"""


@pytest.mark.parametrize(("name", "reply"), [*wrapped(BEFORE, BODY, AFTER), *guises(BEFORE, BODY, AFTER)])
def test_a_wrapped_body_comes_back(name: str, reply: str) -> None:
    fill = take_apart(reply, hole(BEFORE, AFTER))
    assert isinstance(fill, Fill), fill
    assert alike(fill.code, BODY)
    assert verdict(check(fill, hole(BEFORE, AFTER))) is None


@pytest.mark.parametrize("name", SETS)
def test_bodies_that_work_stay_as_they_are_and_nothing_is_found_against_them(name: str) -> None:
    for row in rows(name):
        assert take_apart(row["body"], row_hole(row)) == Fill(row["body"]), row["hole_id"]
        assert verdict(check(Fill(row["body"]), row_hole(row))) is None, row["hole_id"]


def real_hole(row: dict[str, Any]) -> Hole:
    """The hole of a body cut from a package, below its signature and docstring, in a class where it was in one."""
    indent = row["indent"]
    outer = "".join(f"{' ' * depth}class C{depth}:\n" for depth in range(0, len(indent) - 4, 4))
    docstring = f"{indent}{row['docstring']!r}\n" if row["docstring"] else ""
    return hole(f"{outer}{row['signature']}\n{docstring}", "")


def test_bodies_of_real_packages_stay_as_they_are_and_nothing_is_found_against_them() -> None:
    for row in rows("real_holes"):
        assert take_apart(row["body"], real_hole(row)) == Fill(row["body"]), row["hole_id"]
        assert verdict(check(Fill(row["body"]), real_hole(row))) is None, row["hole_id"]


@pytest.mark.parametrize("name", SETS)
def test_wrapped_bodies_come_back(name: str) -> None:
    lost = []
    for row in rows(name)[::EVERY]:
        around = row["prefix"], row["body"], row["suffix"]
        for wrapping, reply in (*wrapped(*around), *guises(*around)):
            if _undecidable(wrapping, row["body"]):
                continue
            fill = take_apart(reply, row_hole(row))
            if not isinstance(fill, Fill) or not alike(fill.code, row["body"]):
                lost.append((row["hole_id"], wrapping))
    assert lost == []


def _undecidable(wrapping: str, body: str) -> bool:
    """Whether the original cannot be known: white space and entities within strings, levels in columns of eight."""
    strings = any(line.frozen for line in lines_of(body, "python"))
    if wrapping == "entities":
        return any(sign in body for sign in "&<>") and ("'" in body or '"' in body)
    return strings or (wrapping in ("tabs", "at the margin") and "\t" in body)


def test_no_recorded_fill_that_passed_its_tests_is_rejected() -> None:
    holes = {row["hole_id"]: row_hole(row) for row in rows("classeval_holes")}
    recorded = {(row["hole_id"], row["body"]): row["passed"] for row in rows("classeval_fills")}
    verdicts: Counter[tuple[int, str]] = Counter()
    for number, ((hole_id, body), passed) in enumerate(sorted(recorded.items())):
        if not passed and number % EVERY:
            continue
        fill = take_apart(body, holes[hole_id])
        failure = verdict(check(fill, holes[hole_id])) if isinstance(fill, Fill) else fill
        verdicts[passed, failure.kind if failure else "fits"] += 1
    assert {kind for passed, kind in verdicts if passed} == {"fits"}
    assert verdicts[0, "marker"] > 0


def test_recorded_imports_ahead_of_a_body_are_moved_into_it() -> None:
    holes = {row["hole_id"]: row_hole(row) for row in rows("classeval_holes")}
    recorded = [row for row in rows("classeval_fills") if row["passed"] and row["imports"]]
    for row in recorded[::EVERY]:
        reply = "\n".join(row["imports"]) + "\n\n" + row["body"]
        fill = take_apart(reply, holes[row["hole_id"]])
        assert isinstance(fill, Fill), (row["hole_id"], fill)
        assert fill.code.endswith(row["body"].lstrip("\n").rstrip() + "\n")
        assert verdict(check(fill, holes[row["hole_id"]])) is None
