"""Pieces of context, and what earlier attempts teach."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from maze_tasks.models import Attempt, ContextPiece, Diagnostic, ErrorRecord, Hole, diagnostics_of, read_hole


def test_a_hole_carries_its_pieces_through_the_store() -> None:
    line = {"hole": {"hole_id": 1}, "pieces": [{"kind": "imports", "text": "import os\n", "weight": 0.5}]}
    hole = read_hole(line)
    assert hole.pieces == (ContextPiece(kind="imports", text="import os\n", weight=0.5),)
    assert Hole.load(hole.dump()) == hole
    assert read_hole({"hole_id": 1}).pieces == ()


def test_a_kind_that_this_release_does_not_know_is_kept() -> None:
    assert ContextPiece(kind="benchmark", text="x").kind == "benchmark"


@pytest.mark.parametrize("wrong", [{"kind": ""}, {"weight": -1}, {"weight": "heavy"}, {"text": 5}])
def test_what_is_no_piece_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ContextPiece.model_validate({"kind": "imports", "text": "", **wrong})


def attempt(outcome: str, code: str | None = None, kind: str = "", message: str = "") -> Attempt:
    error = ErrorRecord(kind=kind, message=message) if kind else None
    return Attempt.model_validate({"candidate": 0, "model": "a", "outcome": outcome, "code": code, "error": error})


def test_rejected_answers_are_told_the_latest_first_and_each_once() -> None:
    attempts = [
        attempt("rejected", "x", "syntax", "line 1: wrong"),
        attempt("failed", None, "timeout", "too slow"),
        attempt("rejected", "y", "truncated"),
        attempt("rejected", "x", "syntax", "line 1: wrong"),
        attempt("rejected", "z", "not_selected", "another was chosen"),
        attempt("rejected", "z", "low_confidence", "0.1"),
        attempt("rejected", "z"),
        attempt("accepted", "w"),
        attempt("lost", None, "lost", "gone"),
    ]
    assert diagnostics_of(attempts) == (
        Diagnostic("line 1: wrong", "x", "syntax"),
        Diagnostic("truncated", "y", "truncated"),
    )
