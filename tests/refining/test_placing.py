"""Holes found again in a text by what was said of their places."""

from __future__ import annotations

from typing import Any

import pytest

from maze_tasks.errors import ConfigError, InputError
from maze_tasks.given import read_given_holes
from maze_tasks.models import Hole
from maze_tasks.placing import Origin, Text, found_in, language_for, marker_offset, origin_of, placed_in, position

RUST = "fn a() -> i32 {\n    todo!()\n}\n\nfn b() -> i32 {\n    todo!() + todo!()\n}\n"
PYTHON = "def f(x: int) -> int:\n    # TODO: double it\n    return x\n\n\ndef g():\n    # HOLE: must_use=f\n    pass\n"


def hole(number: int | str, origin: str | None = None, **fields: Any) -> Hole:
    own = {"hole_id": number} if origin is None else {
        "id": number, "scale": "nano", "origin": origin, "status": "Pending", **fields,
    }  # fmt: skip
    (read,) = read_given_holes([own])
    return read


def places(text: Text, *holes: Hole) -> list[tuple[int, int] | None]:
    found = placed_in(text, holes)
    return [(one.place.line, one.place.column) if one.place else None for one in found]


def rust() -> Text:
    return Text(RUST, "rust", "a.rs")


@pytest.mark.parametrize(
    ("said", "origin"),
    [
        ("src/a.rs:10:5", Origin("src/a.rs", 10, 5)),
        ("src/a.rs:10", Origin("src/a.rs", 10)),
        ("10:5", Origin("", 10, 5)),
        ("10", Origin("", 10)),
        ("C:\\a.rs:1:2", Origin("C:\\a.rs", 1, 2)),
        ("user_request", Origin("user_request")),
        ("a.rs:1:2:child_0", Origin("")),
        ("", Origin("")),
    ],
)
def test_origins_are_taken_apart(said: str, origin: Origin) -> None:
    assert origin_of(hole(1, said)) == origin


def test_a_hole_is_found_by_line_and_column_or_by_a_line_with_one_hole() -> None:
    assert places(rust(), hole(1, "a.rs:6:15"), hole(2, "a.rs:6:5"), hole(3, "a.rs:2:99")) == [(6, 15), (6, 5), (2, 5)]


def test_a_hole_is_found_by_the_scanners_id_wherever_it_is_said_to_be() -> None:
    known = found_in(rust())
    moved = [hole(one.id, "a.rs:77:7") for one in reversed(known)]
    assert places(rust(), *moved) == [(6, 15), (6, 5), (2, 5)]


def test_holes_without_a_place_are_those_left_over_in_order() -> None:
    assert places(rust(), hole("x"), hole("y", "a.rs:6:5"), hole("z", "main")) == [(2, 5), (6, 5), (6, 15)]


@pytest.mark.parametrize(
    ("holes", "says"),
    [
        ([hole(1, "a.rs:6:9")], r"no hole at line 6, column 9; it has holes at 2:5, 6:5, 6:15"),
        ([hole(1, "a.rs:6")], r"no hole at line 6; it has"),
        ([hole(1), hole(2)], "1 says no place, and 3 holes"),
        ([hole(1, "a.rs:2"), hole(2, "a.rs:2:5")], "1 and 2 are at one place"),
    ],
)
def test_what_is_not_found_is_said_with_its_number(holes: list[Hole], says: str) -> None:
    with pytest.raises(InputError, match=says) as refused:
        placed_in(rust(), holes)
    assert refused.value.file == "holes"
    assert refused.value.line == len(holes) if "one place" in says else 1


def test_a_hole_that_is_filled_is_looked_for_only_where_its_fill_is_not_there() -> None:
    there = hole(1, "a.rs:9:9", status="Filled", current_fill=" fn a() -> i32 ")
    gone = hole(2, "a.rs:2:5", status="Filled", current_fill="7")
    assert places(rust(), there, gone) == [None, (2, 5)]
    with pytest.raises(InputError, match="no hole at line 9"):
        placed_in(rust(), [hole(1, "a.rs:9:9", status="Filled", current_fill="elsewhere")])


def test_what_the_text_says_of_a_hole_goes_with_what_was_handed_in() -> None:
    text = Text(PYTHON, "python", "m.py")
    todo, body = placed_in(text, [hole(1, "m.py:2"), hole(2, "m.py:7:5", constraints=["style: short"])])
    assert [one.kind for one in body.spec.fill_constraints] == ["style", "must_use_binding"]
    assert body.state is not None
    assert body.state.constraints == ("style: short",), "its own, as they came"
    assert body.prefix == PYTHON[: PYTHON.index("    # HOLE")]
    assert (todo.path, todo.language, todo.place is not None) == ("m.py", "python", True)
    (typed,) = placed_in(Text("def f() -> int:\n    pass\n", "python", "m.py"), [hole(1, "2:5")])
    assert typed.state is not None
    assert typed.state.expected_type == "int"


def test_a_comment_within_another_hole_cannot_be_filled_beside_it() -> None:
    text = Text("def f():\n    # TODO: all of it\n    pass\n", "python", "m.py")
    with pytest.raises(InputError, match="overlap"):
        placed_in(text, [hole(1, "m.py:2:5"), hole(2, "m.py:3:5")])


def test_what_the_text_shows_of_dependencies_gives_way_to_what_was_said() -> None:
    code = "def f():\n    raise NotImplementedError\n\n\ndef g():\n    x = f()\n    return x  # HOLE\n"
    text = Text(code, "python", "m.py")
    shown = placed_in(text, [hole(1, "m.py:2:5"), hole(2, "m.py:7:5")])
    assert [one.depends_on for one in shown] == [(), (1,)]
    said = placed_in(text, [hole(1, "m.py:2:5", depends_on=[2]), hole(2, "m.py:7:5")])
    assert [one.depends_on for one in said] == [(2,), ()]


@pytest.mark.parametrize(
    ("origin", "language", "path", "found"),
    [
        ("a.rs:1:1", None, None, ("rust", "a.rs")),
        ("a.rs:1:1", "Go", None, ("go", "a.rs")),
        ("a.rs:1:1", None, "b.py", ("python", "b.py")),
        ("main", "py", None, ("python", "main")),
        (None, ".tsx", None, ("tsx", "code.tsx")),
        (None, "C++", None, ("cpp", "code.cpp")),
        (None, "typescript", None, ("typescript", "code.ts")),
    ],
)
def test_the_language_is_what_was_said_or_what_the_file_is_called(
    origin: str | None, language: str | None, path: str | None, found: tuple[str, str]
) -> None:
    assert language_for([hole(1, origin)], language, path) == found


def test_a_language_that_nobody_can_tell_is_asked_for() -> None:
    for given, language, path in ([], None, None), ([hole(1, "main:1:1")], None, None), ([], "x" * 99, None):
        with pytest.raises(ConfigError, match="known: python, rust"):
            language_for(given, language, path)


@pytest.mark.parametrize("code", ["x = '\ud800'\n", "# coding: ascii\nx = 'é'\n", "# coding: nonsense\n"])
def test_a_text_that_cannot_be_written_is_refused(code: str) -> None:
    with pytest.raises(InputError, match="code: cannot be read"):
        Text(code, "python", "m.py")


@pytest.mark.parametrize("code", ["a\r\nbé §c\n", "\ufeffaé§\nb§"])
def test_a_marker_is_found_in_bytes_and_its_position_in_code_points(code: str) -> None:
    data = code.encode()
    offset = data.index("§".encode())
    line, column = position(data, offset)
    assert code.removeprefix("\ufeff").splitlines()[line - 1][column - 1] == "§"
    (body,) = found_in(Text("def f():\n    pass\n", "python", "m.py"))
    assert body.place is not None
    assert marker_offset(data, body.place.model_copy(update={"line": line, "column": column})) == offset
