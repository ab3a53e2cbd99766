"""Holes of a tree with what helps to fill them."""

from __future__ import annotations

from pathlib import Path

from maze_tasks.source.illuminated import scan_with_context
from maze_tasks.source.tree import Choice, Summary, scan_tree


def test_a_hole_brings_along_what_it_refers_to_in_its_file_and_in_others(tmp_path: Path) -> None:
    (tmp_path / "shapes.py").write_text("class Circle:\n    radius: float\n\n\ndef unrelated():\n    return 1\n")
    area = "def area(c: Circle) -> float:\n    raise NotImplementedError\n"
    (tmp_path / "area.py").write_text(f"import math\nfrom shapes import Circle\n\n\n{area}")
    (hole,) = scan_with_context(tmp_path, Choice(), Summary())
    shown = "\n".join(piece.text for piece in hole.pieces)
    assert "import math" in shown
    assert "radius: float" in shown
    assert "unrelated" not in shown


def test_the_holes_are_those_of_the_plain_scan(tmp_path: Path) -> None:
    for name in ("a.py", "b/c.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("def f():\n    raise NotImplementedError\n")
    plain = list(scan_tree(tmp_path, Choice(), Summary()))
    summary = Summary()
    found = list(scan_with_context(tmp_path, Choice(), summary))
    assert [one.place.modules for one in found if one.place] == [("a", "b", "c")] * 2
    places = [one.place.model_copy(update={"modules": None}) for one in found if one.place]
    bare = [one.model_copy(update={"pieces": (), "place": place}) for one, place in zip(found, places, strict=True)]
    assert bare == plain
    assert summary.files == 2
    (single,) = scan_with_context(tmp_path / "a.py", Choice(), Summary())
    assert single.place is not None
    assert single.place.path == "a.py"
