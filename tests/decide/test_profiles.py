"""Which profile judges a hole's fills."""

from __future__ import annotations

from maze_tasks.decide.decomposition import divide
from maze_tasks.decide.profiles import profile_of
from maze_tasks.models import HoleCheck, Place, read_hole
from maze_tasks.models.runs import RunRules

PLACE = Place(path="a.py", start=0, end=1, sha256="0" * 64, line=1, column=1)
RULES = RunRules(verify="unit", snapshot="d" * 64)


def test_the_runs_profile_judges_holes_that_have_a_place_and_name_no_other() -> None:
    hole = read_hole({"hole_id": 1})
    placed = hole.model_copy(update={"place": PLACE})
    assert profile_of(hole, RULES) is None
    assert profile_of(placed, RULES) == "unit"
    assert profile_of(placed.model_copy(update={"verify": HoleCheck(profile="own")}), RULES) == "own"
    assert profile_of(placed.model_copy(update={"verify": HoleCheck()}), RULES) == "unit"
    assert profile_of(placed, RunRules(verify="unit")) is None
    assert [profile_of(part, RULES) for part in divide(placed)] == [None, None]
