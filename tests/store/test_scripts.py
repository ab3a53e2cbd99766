"""What a script is made of: its own text behind what it uses of the shared functions."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from maze_tasks.store.scripts import script, used

FOLDER = resources.files("maze_tasks.store") / "lua"
NAMES = sorted(one.name.removesuffix(".lua") for one in FOLDER.iterdir() if not one.name.startswith("_"))
TOP = re.compile(r"^local function (\w+)", re.MULTILINE)


def shared_of(name: str) -> str:
    return "_permits" if name.startswith("permit_") else "_shared"


@pytest.mark.parametrize("name", NAMES)
def test_a_script_has_every_shared_function_that_it_names_and_no_other(name: str) -> None:
    source = script(name, shared_of(name)).source
    shared = set(TOP.findall((FOLDER / f"{shared_of(name)}.lua").read_text("utf-8")))
    words = re.findall(r"\w+", re.sub("--.*", "", source))
    assert {one for one in shared if words.count(one) > 1} == shared & set(TOP.findall(source))


def test_what_stands_between_functions_is_kept_and_what_functions_use_comes_along() -> None:
    shared = (
        "-- Head.\nlocal A = 1\n\nlocal function one()\n  return A\nend\n\n-- Says two.\nlocal function two()\n"
        "  for i = 1, 2 do\n    one()\n  end\nend\n\nlocal function three()\n  return 3\nend\nlocal B = 2\n"
    )
    assert used(shared, "return 1\n") == "-- Head.\nlocal A = 1\n\n\n\nlocal B = 2\n"
    assert used(shared, "return two()\n") == shared.replace("local function three()\n  return 3\nend\n", "")
