"""Where holes are, whatever the file looks like."""

from __future__ import annotations

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.models import Hole, read_hole
from maze_tasks.source.markers import WORDS
from maze_tasks.source.scanner import line_of, scan
from maze_tasks.source.texts import PREFIX_BYTES, SUFFIX_BYTES, NotText, text_of
from maze_tasks.syntax import LANGUAGES

from .conftest import Scan

INDENTS = st.sampled_from(["    ", "\t", "  ", " \t"])
NEWLINES = st.sampled_from(["\n", "\r\n"])
COMMENTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12).map(
    lambda text: f"# {text}"
)
MARKERS = st.sampled_from(["pass", "...", "raise NotImplementedError('ä')", "# HOLE: type=int", "pass  # é"])
OTHERS = st.sampled_from(["x = 'ß'", "\f", "", "if x: pass", "'''\n\tdef f():\n\t\tpass\n'''"])


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, int]:
    """A Python file with functions to fill between other things, and how many."""
    newline, indent = draw(NEWLINES), draw(INDENTS)
    lines, count = [draw(COMMENTS)], 0
    for number in range(draw(st.integers(0, 6))):
        if draw(st.booleans()):
            inline = draw(st.booleans())
            marker = draw(MARKERS)
            if inline and not marker.startswith("#"):
                lines.append(f"def f{number}(): {marker}")
            else:
                lines += [f"def f{number}():", indent + draw(COMMENTS), indent + marker]
            count += 1
        lines.append(draw(OTHERS) or draw(COMMENTS))
    text = newline.join(lines).replace("\r\n", "\n").replace("\n", newline) + draw(st.sampled_from(["", newline]))
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode(), count


def check_place(hole: Hole, data: bytes) -> None:
    """What holds of every scanned hole."""
    place = hole.place
    assert place is not None
    assert hole.state is not None
    before, cut, after = (
        piece.decode(place.encoding)
        for piece in (data[: place.start], data[place.start : place.end], data[place.end :])
    )
    assert cut.strip()
    assert hole.prefix is not None
    assert before.endswith(hole.prefix)
    assert hole.suffix is not None
    assert after.startswith(hole.suffix)
    assert len(hole.prefix.encode()) <= PREFIX_BYTES
    assert len(hole.suffix.encode()) <= SUFFIX_BYTES
    assert place.sha256 == hashlib.sha256(data).hexdigest()
    assert hole.state.origin == f"{place.path}:{place.line}:{place.column}"
    ahead = (before + cut).removeprefix("\ufeff").split("\n")
    line = data.decode(place.encoding).removeprefix("\ufeff").split("\n")[place.line - 1]
    assert place.line <= len(ahead)
    assert line[place.column - 1 :].strip()
    assert not place.column > 1 or place.kind == "expression" or line[place.column - 1] not in " \t"
    if place.kind == "body" and (not before or before.endswith(("\n", "\ufeff"))):
        assert cut.startswith(place.indent)
    assert read_hole(line_of(hole)) == hole


@given(files())
def test_a_place_is_a_piece_of_the_file_and_the_windows_are_what_is_around_it(made: tuple[bytes, int]) -> None:
    data, count = made
    holes = list(scan("a/b.py", data, "python"))
    assert len(holes) == count
    assert len({hole.id for hole in holes}) == len(holes)
    ends = [0]
    for hole in holes:
        check_place(hole, data)
        assert hole.place is not None
        assert hole.place.start >= ends[-1]
        ends.append(hole.place.end)


SNIPPETS = {
    "python": ["def f():\n", "    ", "class A:\n", '"""', "@overload\n", "x = ", "# HOLE: a=b", "return "],
    "rust": ["fn f() {", "}", "let x: u8 = ", '"TODO"', "()", "!", "/* HOLE */", "impl A for B {"],
}
PIECES = [
    "{",
    "}",
    "(",
    ")",
    ";",
    "\n",
    "\r\n",
    "\t",
    " ",
    "\f",
    "é",
    "\ufeff",
    '"TODO"',
    "'",
    "`",
    "<<< HOLE >>>",
    "//",
    "#",
]
PIECES += ["/*", "*/", "/* TODO */", "HOLE", "TODO", "throw new ", "throw std::", "0", "as any", "=", ":", "x"]
PIECES += [word for words in WORDS.values() for word in words.replace("\\b", "").replace("\\s*", "").split("|")]


@given(st.sampled_from(LANGUAGES), st.data(), st.booleans())
def test_whatever_a_text_is_scanning_it_ends_well(language: str, data: st.DataObject, todo: bool) -> None:
    pieces = PIECES + SNIPPETS.get(language, [])
    text = "".join(data.draw(st.lists(st.sampled_from(pieces), max_size=30))).encode()
    holes = list(scan("a", text, language, todo=todo))
    assert len({hole.id for hole in holes}) == len(holes)
    for hole in holes:
        check_place(hole, text)


@given(st.sampled_from(LANGUAGES), st.binary(max_size=200))
def test_bytes_that_are_no_text_are_refused_as_such(language: str, data: bytes) -> None:
    with suppress(NotText):
        list(scan("a", data, language, todo=True))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_are_those_of_the_file(seen: Scan, newline: str) -> None:
    text = "def f():\n\tpass\n\ndef g(): ...\n".replace("\n", newline)
    first, second = seen("python", text)
    assert (first.cut, first.place.newline, first.place.indent) == (f"\tpass{newline}", newline, "\t")
    assert second.cut == " ..."


def test_columns_count_code_points_and_offsets_bytes(seen: Scan) -> None:
    (hole,) = seen("rust", 'fn f() { g("äöü😀", todo!()) }')
    assert (hole.place.line, hole.place.column) == (1, 20)
    assert hole.place.start == 25
    assert hole.hole.prefix == 'fn f() { g("äöü😀", '


def test_a_byte_order_mark_is_no_column_and_is_kept(seen: Scan) -> None:
    (hole,) = seen("python", b"\xef\xbb\xbfdef f(): pass\n")
    assert (hole.place.start, hole.place.column) == (11, 10)
    assert hole.filled("\n    return 1") == "\ufeffdef f():\n    return 1\n"


def test_a_file_in_another_encoding_has_places_in_its_own_bytes(seen: Scan) -> None:
    text = "# -*- coding: latin-1 -*-\ns = 'äöü'\ndef f():\n    pass\n"
    (hole,) = seen("python", text.encode("latin-1"))
    assert hole.place.encoding == "latin-1"
    assert hole.data[hole.place.start : hole.place.end] == b"    pass\n"
    assert hole.hole.prefix == text.removesuffix("    pass\n")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"s = '\xe4'\n", "not utf-8: byte 0xe4 at offset 5"),
        (b"# coding: utf-8\ns = '\xe4'\n", "not utf-8"),
        (b"# coding: nonesuch\n", "its encoding 'nonesuch' cannot be read"),
        (b"# coding: rot13\n", "its encoding 'rot13' cannot be read"),
        (b"#!/x\n# vim: set fileencoding=ascii :\ns = '\xe4'\n", "not ascii"),
        (b"# coding: utf-7\n+AGE-\n", "its encoding 'utf-7' is not one that programs are written in"),
        (b"# coding: idna\ndef f():\n    pass\n", "its encoding 'idna' cannot be read"),
        (b"# coding: hz\ns = '~{~}'\n", "does not survive being read as hz"),
    ],
)
def test_what_is_no_text_in_its_encoding_says_why(data: bytes, why: str) -> None:
    with pytest.raises(NotText, match=why):
        text_of(data, "python")


def test_an_encoding_further_down_is_only_a_comment() -> None:
    assert text_of(b"x = 1\n# coding: latin-1\n", "python").encoding == "utf-8"
    assert text_of(b"\n\n# coding: latin-1\n", "python").encoding == "utf-8"
    assert text_of(b"# coding: latin-1\n", "rust").encoding == "utf-8"


def test_windows_are_whole_lines_near_the_hole(seen: Scan) -> None:
    ahead = "".join(f"x{number} = {number}\n" for number in range(10_000))
    (hole,) = seen("python", f"{ahead}def f():\n    pass\n{ahead}")
    prefix, suffix = hole.hole.prefix or "", hole.hole.suffix or ""
    assert PREFIX_BYTES - 20 < len(prefix) <= PREFIX_BYTES
    assert prefix.startswith("x")
    assert prefix.endswith("def f():\n")
    assert SUFFIX_BYTES - 20 < len(suffix) <= SUFFIX_BYTES
    assert suffix.endswith("\n")


def test_a_window_of_one_long_line_is_a_part_of_it(seen: Scan) -> None:
    long = "é" * 40_000
    (hole,) = seen("javascript", f'f("{long}"); throw new Error("TODO"); g("{long}");')
    prefix, suffix = hole.hole.prefix or "", hole.hole.suffix or ""
    assert PREFIX_BYTES - 2 <= len(prefix.encode()) <= PREFIX_BYTES
    assert SUFFIX_BYTES - 2 <= len(suffix.encode()) <= SUFFIX_BYTES


def test_a_file_of_nothing_but_holes_takes_time_in_proportion() -> None:
    body = "".join(f"def f{number}(): pass\n" for number in range(3_000))
    blocks = "fn f() { g(); " + "todo!(); " * 3_000 + "}"
    assert sum(1 for _ in scan("a.py", body.encode(), "python")) == 3_000
    assert sum(1 for _ in scan("a.rs", blocks.encode(), "rust")) == 3_000


def test_nesting_beyond_what_people_write_hides_a_hole_but_stops_nothing() -> None:
    assert list(scan("a.py", b"[" * 50_000 + b"HOLE ..." + b"]" * 50_000, "python")) == []
