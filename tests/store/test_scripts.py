"""What a script is made of: its own text behind what it uses of the shared functions."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from maze_tasks.store.scripts import script, together

FOLDER = resources.files("maze_tasks.store") / "lua"
NAMES = sorted(one.name.removesuffix(".lua") for one in FOLDER.iterdir() if not one.name.startswith("_"))
TOP = re.compile(r"^local function (\w+)", re.MULTILINE)


def shared_of(name: str) -> str:
    return "_permits" if name.startswith("permit_") else "_shared"


@pytest.mark.parametrize("name", NAMES)
def test_a_script_has_every_shared_function_where_it_names_it_and_no_other(name: str) -> None:
    source = script(name, shared_of(name)).source
    shared = set(TOP.findall((FOLDER / f"{shared_of(name)}.lua").read_text("utf-8")))
    known: list[tuple[int, str]] = []  # what is known in the block that a line is in, with the margin of that block
    used = set()
    for line in source.splitlines():
        code = line.split("--")[0]
        margin = len(line) - len(line.lstrip())
        if code.strip() in ("end", "else") or code.lstrip().startswith("elseif"):
            known = [one for one in known if one[0] <= margin]
        if needs := re.match(r" *-- needs: (.+)", line):
            known += [(margin, one) for one in re.findall(r"\w+", needs[1])]
        defined = re.match(r" *local function (\w+)", code)
        if defined:
            known.append((margin, defined[1]))
        named = shared & set(re.findall(r"\w+", code)) - ({defined[1]} if defined else set())
        assert named <= {one for _, one in known}, line
        used |= named
    assert used == shared & set(re.findall(r"local function (\w+)", source))


def test_what_stands_between_functions_is_kept_and_what_functions_use_comes_along() -> None:
    shared = (
        "-- Head.\nlocal A = 1\n\nlocal function one()\n  return A\nend\n\n-- Says two.\nlocal function two()\n"
        "  for i = 1, 2 do\n    one()\n  end\nend\n\nlocal function three()\n  return 3\nend\nlocal B = 2\n"
    )
    assert together(shared, "return 1\n") == "-- Head.\nlocal A = 1\n\n\n\nlocal B = 2\nreturn 1\n"
    without_three = shared.replace("local function three()\n  return 3\nend\n", "")
    assert together(shared, "return two()\n") == without_three + "return two()\n"
