"""What a hole's prompt is given of the code base."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.models import PIECE_KINDS, ContextPiece, Place
from maze_tasks.source.context import MAX_BYTES, MAX_PIECES, context_of
from maze_tasks.source.index import Index
from maze_tasks.source.scanner import scan
from maze_tasks.syntax import LANGUAGES, language_of

STORE = """\
from __future__ import annotations

import json
from . import keys, models
from .models import Row as Record, unused_helper
from pkg.base import Base

LIMIT = 10
FORGOTTEN = 20

Alias = dict[str, "Item"]


class Item:
    name: str


def _forgotten(): return 1


def encode(row):
    return json.dumps(row)


class Store(Base):
    \"\"\"Keeps rows.\"\"\"

    codec: models.Codec

    def __init__(self, size: int = LIMIT) -> None:
        self.rows: dict[str, Record] = {}

    def read_row(self, name: str) -> Record:
        checked = self._check(name)
        return models.decode(self.rows[checked])

    def _check(self, name: str) -> str:
        return keys.clean(name)

    def write_row(self, name: str, row: Record, also: Alias) -> None:
        \"\"\"Write a row, see `Item` and :func:`encode`.\"\"\"
        raise NotImplementedError

    def copy(self, name: str) -> None:
        self.write_row(f"{name}-copy", self.read_row(name), {})
"""
FILES = {
    "pkg/__init__.py": "",
    "pkg/store.py": STORE,
    "pkg/models.py": "class Row:\n    id: int\nclass Codec: ...\ndef decode(text): ...\ndef unused_helper(): ...\n",
    "pkg/keys.py": "def clean(name): return name.strip()\ndef _own(): ...\n",
    "pkg/base.py": "class Base:\n    def write_row(self, name, row, also):\n        '''Write.'''\n        return 0\n",
    "other/models.py": "class Row: wrong = 1\n",
    "json.txt": "",
}


def index_of(files: Mapping[str, str]) -> Index:
    index = Index(lambda path: files[path].encode() if path in files else None)
    for path, text in files.items():
        if language := language_of(path, text.encode()):
            index.add(path, language, text.encode())
    return index


def pieces_of(files: Mapping[str, str], path: str, **more: list[str]) -> list[ContextPiece]:
    data, language = files[path].encode(), language_of(path, files[path].encode())
    assert language is not None
    (hole,) = scan(path, data, language)
    assert hole.place is not None
    return list(context_of(data, language, hole.place, index_of(files), **more))


@pytest.fixture(scope="module")
def pieces() -> list[ContextPiece]:
    return pieces_of(FILES, "pkg/store.py")


def texts(pieces: list[ContextPiece], kind: str) -> dict[str, str]:
    return {piece.title: piece.text for piece in pieces if piece.kind == kind}


class TestPython:
    def test_pieces_come_the_most_useful_first_and_are_of_known_kinds(self, pieces: list[ContextPiece]) -> None:
        weights = [piece.weight for piece in pieces]
        assert weights == sorted(weights, reverse=True)
        assert {piece.kind for piece in pieces} == set(PIECE_KINDS) - {"dependency", "neighbour"}
        assert len({(piece.title, piece.text) for piece in pieces}) == len(pieces)

    def test_the_imports_come_first(self, pieces: list[ContextPiece]) -> None:
        assert pieces[0].kind == "imports"
        assert pieces[0].text.startswith(
            "from __future__ import annotations\nimport json\nfrom . import keys, models\n"
        )

    def test_the_class_is_shown_in_outline_without_the_hole(self, pieces: list[ContextPiece]) -> None:
        (text,) = texts(pieces, "fields").values()
        assert '"""Keeps rows."""' in text
        assert "self.rows: dict[str, Record] = {}" in text
        assert "also: Alias) -> None:\n        ..." in text
        assert "NotImplementedError" not in text

    def test_what_is_overridden_is_shown(self, pieces: list[ContextPiece]) -> None:
        found = texts(pieces, "definition")[
            "Base.write_row (pkg/base.py), which the function around the hole overrides"
        ]
        assert found.endswith("return 0")
        assert "Base (pkg/base.py)" in texts(pieces, "type")

    def test_types_of_the_signature_are_found_through_imports_and_other_names(self, pieces: list[ContextPiece]) -> None:
        types = texts(pieces, "type")
        assert types["Row (pkg/models.py)"] == "class Row:\n    id: int"
        assert "Item (pkg/store.py)" in types
        assert texts(pieces, "definition")["Alias (pkg/store.py)"] == 'Alias = dict[str, "Item"]'
        assert "wrong" not in "".join(types.values())

    def test_what_the_description_and_the_fields_mention_is_found(self, pieces: list[ContextPiece]) -> None:
        assert "encode (pkg/store.py)" in texts(pieces, "definition")
        assert "Codec (pkg/models.py)" in texts(pieces, "type")

    def test_what_is_used_nowhere_else_is_offered(self, pieces: list[ContextPiece]) -> None:
        found = texts(pieces, "definition")
        assert "unused_helper (pkg/models.py)" in found
        assert "_forgotten (pkg/store.py)" in found
        assert "FORGOTTEN (pkg/store.py)" in found

    def test_what_siblings_call_is_offered(self, pieces: list[ContextPiece]) -> None:
        found = texts(pieces, "definition")
        assert {"decode (pkg/models.py)", "clean (pkg/keys.py)"} <= found.keys()

    def test_callers_are_shown(self, pieces: list[ContextPiece]) -> None:
        (text,) = texts(pieces, "usage").values()
        assert 'self.write_row(f"{name}-copy"' in text

    def test_of_a_long_caller_the_lines_around_the_call_are_shown(self) -> None:
        lines = "".join(f"    x{number} = {number}\n" for number in range(100))
        callers = "".join(f"def g{number}():\n{lines}    callee()\n    callee()\n    return 1\n" for number in range(5))
        found = texts(pieces_of({"a.py": f"def callee():\n    pass\n{callers}"}, "a.py"), "usage")
        assert found == {
            f"g{number}, which calls callee": "x98 = 98\nx99 = 99\ncallee()\ncallee()\nreturn 1" for number in range(3)
        }

    def test_what_a_package_has_from_its_modules_is_found_there(self) -> None:
        files = {
            "pkg/__init__.py": "from .deep.rows import Row\n",
            "pkg/deep/__init__.py": "",
            "pkg/deep/rows.py": "class Row: pass\n",
            "other/rows.py": "class Row: other = 1\n",
            "a.py": "import pkg\nfrom pkg import Row\n\ndef f(row: Row, rows: pkg.deep.rows.Row):\n    pass\n",
        }
        found = texts(pieces_of(files, "a.py"), "type")
        assert found == {"Row (pkg/deep/rows.py)": "class Row: pass"}

    def test_names_of_other_projects_bring_nothing(self) -> None:
        text = "import os\nfrom numpy import array\n\ndef f(a: array, b: os.PathLike, c: int = len(())):\n    pass\n"
        assert [piece.kind for piece in pieces_of({"a.py": text}, "a.py")] == ["imports"]

    def test_neighbours_are_those_of_like_names_that_are_no_holes_themselves(self) -> None:
        body = "    total = sum(range(10))\n    return total\n"
        text = (
            f"def f():\n{body}\ndef put_row():\n    pass\n\ndef g():\n    return None  # TODO\ndef get_row():\n{body}"
        )
        assert list(texts(pieces_of({"a.py": text}, "a.py"), "neighbour")) == ["get_row, beside it", "f, beside it"]

    def test_how_imported_modules_are_declared_is_told(self, pieces: list[ContextPiece]) -> None:
        assert texts(pieces, "signature")["Declared in pkg/keys.py"] == "def clean(name)\ndef _own()"

    def test_names_that_are_asked_for_are_found(self) -> None:
        asked = pieces_of(FILES, "pkg/store.py", names=["keys._own", "nowhere"])
        assert any(piece.title == "_own (pkg/keys.py)" and piece.weight > 0.8 for piece in asked)

    def test_without_an_index_the_file_itself_is_looked_at(self) -> None:
        (hole,) = scan("pkg/store.py", STORE.encode(), "python")
        assert hole.place is not None
        found = context_of(STORE.encode(), "python", hole.place)
        assert "(pkg/models.py)" not in "".join(piece.title for piece in found)
        assert any(piece.title == "Item (pkg/store.py)" for piece in found)

    def test_of_a_hole_within_code_what_stands_around_it_counts(self) -> None:
        text = "def g(): return 1\n\ndef f(a):\n    b = g()\n    # HOLE: scale=micro\n    return b\n"
        found = pieces_of({"a.py": text}, "a.py")
        assert [piece.title for piece in found if piece.weight == 0.8] == ["g (a.py)"]

    def test_a_file_that_changed_or_went_since_the_index_was_made_does_no_harm(self) -> None:
        files = dict(FILES)
        index = index_of(files)
        del files["pkg/base.py"]
        files["pkg/models.py"] = "# nothing any more\n"
        (hole,) = scan("pkg/store.py", STORE.encode(), "python")
        assert hole.place is not None
        titles = [piece.title for piece in context_of(STORE.encode(), "python", hole.place, index)]
        assert not any("pkg/base.py" in title or "Row" in title for title in titles)

    def test_a_file_in_another_encoding_is_read_in_it(self) -> None:
        other = "# coding: latin-1\n\n# é\ndef helper(): return 'é'\n"
        text = "# coding: latin-1\n# é\nfrom other import helper\n\ndef f(a=helper):\n    pass\n"
        files = {"a.py": text.encode("latin-1"), "other.py": other.encode("latin-1")}
        index = Index(files.get)
        for path, data in files.items():
            index.add(path, "python", data)
        (hole,) = scan("a.py", files["a.py"], "python")
        assert hole.place is not None
        found = context_of(files["a.py"], "python", hole.place, index)
        assert [piece.text for piece in found if piece.kind == "definition"] == ["# é\ndef helper(): return 'é'"]


OTHERS = {
    "rust": {
        "src/keys.rs": "/// A key.\npub struct Key { id: u64 }\npub enum Error { Missing(Key) }\n",
        "src/lib.rs": """\
use crate::keys::{Error, Key};
pub trait Backend {
    fn find(&self, key: &Key) -> Result<u8, Error>;
}
pub struct Memory { rows: Vec<u8> }
impl Memory { fn grow(&mut self) { self.rows.push(0); } }
impl Backend for Memory {
    fn find(&self, key: &Key) -> Result<u8, Error> {
        todo!()
    }
}
""",
    },
    "go": {
        "q/types.go": "package q\ntype (\n// Ticket is one.\nTicket struct{ ID int }\nOther int\n)\n"
        "func (q *Queue) Len() int { return 0 }\n",
        "q/queue.go": """\
package q

import "errors"

var errEmpty = errors.New("empty")

type Queue struct {
	items []Ticket
}

func (q *Queue) Push(t Ticket) { q.items = append(q.items, t) }

func (q *Queue) Pop() (Ticket, error) {
	panic("not implemented")
}
""",
    },
    "typescript": {
        "src/model.ts": "export interface User { id: number }\n"
        "export abstract class Repo<T> { abstract find(id: T): T; }\n",
        "src/users.ts": """\
import { Repo, type User as Person } from "./model";
export class Users extends Repo<number> {
  private cache: Map<number, Person>;
  find(id: number): number {
    throw new Error("TODO");
  }
}
""",
    },
    "java": {
        "a/Shape.java": "package a;\npublic interface Shape { double area(); }\n",
        "a/Point.java": "package a;\npublic record Point(double x) { }\n",
        "a/Circle.java": """\
package a;
public class Circle implements Shape {
    private final Point center;
    public double area() {
        throw new UnsupportedOperationException("TODO");
    }
}
""",
    },
    "c": {
        "list.h": "typedef struct node { int value; } node_t;\nint list_sum(const node_t *head);\n",
        "list.c": """\
#include "list.h"
static void check(const node_t *n) { if (!n) abort(); }
int list_sum(const node_t *head) {
    /* TODO */
}
""",
    },
    "cpp": {
        "shape.hpp": "#include <vector>\nnamespace geo {\nstruct Point { double x; };\n"
        "template <typename T> class Poly {\n  T area() const;\n  std::vector<Point> pts_;\n};\n}\n",
        "shape.cpp": """\
#include "shape.hpp"
namespace geo {
static double cross(const Point& a) { return a.x; }
template <typename T> T Poly<T>::area() const {
  throw std::logic_error("Not implemented");
}
}
""",
    },
    "zig": {
        "geo.zig": "pub const Point = struct { x: f64 };\n",
        "main.zig": """\
const geo = @import("geo.zig");
const Point = geo.Point;
pub fn total(points: []const Point) f64 {
    @panic("TODO");
}
""",
    },
}
# What of other places is in the pieces, besides the imports.
SHOWN = {
    "rust": ["pub struct Key", "pub enum Error", "rows: Vec<u8>", "fn find(&self, key: &Key) -> Result<u8, Error>;"],
    "go": ["// Ticket is one.", "items []Ticket", "func (q *Queue) Len()", "var errEmpty"],
    "typescript": ["export interface User", "abstract find(id: T): T", "private cache"],
    "java": ["double area();", "record Point(double x)", "private final Point center;"],
    "c": ["typedef struct node", "static void check", "int list_sum(const node_t *head)"],
    "cpp": ["std::vector<Point> pts_;", "struct Point", "static double cross"],
    "zig": ["pub const Point = struct { x: f64 }", "const Point = geo.Point;"],
}


@pytest.mark.parametrize("language", OTHERS)
def test_other_languages_find_types_fields_and_functions_too(language: str) -> None:
    files = OTHERS[language]
    found = pieces_of(files, list(files)[-1])
    shown = "\n".join(piece.text for piece in found)
    assert [text for text in SHOWN[language] if text not in shown] == []
    statements = [piece.text for piece in found if piece.kind == "imports"]
    assert len(statements) == (language != "java")


def test_what_one_hole_is_given_is_bounded() -> None:
    names = [f"Type{number}" for number in range(200)]
    types = "".join(f"class {name}:\n    '''{'x' * 700}'''\n" for name in names)
    text = f"{types}def f({', '.join(f'a{name}: {name}' for name in names)}):\n    pass\n"
    found = pieces_of({"a.py": text}, "a.py")
    assert len(found) <= MAX_PIECES
    assert 1000 < sum(len(piece.text.encode()) for piece in found) <= MAX_BYTES


def place(start: int, end: int, **more: object) -> Place:
    fields = {"path": "a", "sha256": "0" * 64, "line": 1, "column": 1, "start": start, "end": end, **more}
    return Place.model_validate(fields)


def test_a_place_that_the_file_does_not_have_has_no_context() -> None:
    assert context_of(b"x", "python", place(0, 2)) == ()
    assert context_of(b"x", "python", place(1, 0)) == ()
    assert context_of(b"\xff", "python", place(0, 1)) == ()


WHOLE = {
    **{language: list(files.values())[-1].encode() for language, files in OTHERS.items()},
    "python": STORE.encode(),
    "javascript": OTHERS["typescript"]["src/users.ts"].encode(),
    "tsx": OTHERS["typescript"]["src/users.ts"].encode(),
}


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(LANGUAGES), st.data())
def test_whatever_the_bytes_are_there_is_a_context_and_always_the_same(language: str, data: st.DataObject) -> None:
    whole = WHOLE[language]
    first, last = (data.draw(st.integers(0, len(whole))) for _ in range(2))
    content = whole[first:] + data.draw(st.binary(max_size=20)) + whole[:last]
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, len(content)))
    words = st.sampled_from(["Store", "write_row", "f(a: Row)", "def g(x=LIMIT):", "`Item`", "é", ""])
    at = place(start, end, signature=data.draw(words), docstring=data.draw(words), scope=[data.draw(words)])
    index = Index(lambda path: content[start:] if path == "b" else None)
    index.add("b", language, content)
    found = context_of(content, language, at, index, names=["Row", ".", ""])
    assert found == context_of(bytes(content), language, at, index, names=["Row", ".", ""])
    assert sum(len(piece.text.encode()) for piece in found) <= MAX_BYTES
