"""What files of each language define."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.source.definitions import MAX_DEFINITIONS, Definition, definitions_of
from maze_tasks.syntax import LANGUAGES, parse

# A text of each language, and of every definition in it: kind, name with its scope, where it begins.
DEFINED = {
    "python": (
        """\
from __future__ import annotations
import b
try:
    import c
except ImportError:
    c = None

# Of things.
@dec
class A(B):
    x: int = 1
    def __init__(self):
        self.y = 1
    @property
    def z(self): ...
    class N: pass
a, b = 1, 2
X = 1  # trailing
async def f():
    def g(): pass
if TYPE_CHECKING:
    from d import E
""",
        [
            ("import", "", "from __future__"),
            ("import", "", "import b"),
            ("import", "", "import c"),
            ("value", "c", "c = None"),
            ("type", "A", "# Of things.\n@dec\nclass A"),
            ("value", "A.x", "x: int"),
            ("function", "A.__init__", "def __init__"),
            ("function", "A.z", "@property\n    def z"),
            ("type", "A.N", "class N"),
            ("value", "a", "a, b"),
            ("value", "b", "a, b"),
            ("value", "X", "X = 1"),
            ("function", "f", "async def f"),
            ("import", "", "from d"),
        ],
    ),
    "rust": (
        """\
use crate::a::{B, c};
/// Of foos.
#[derive(Debug)]
pub struct Foo<T> { a: u32 }
impl<T> Foo<T> { pub fn new() -> Self { todo!() } const X: u8 = 1; }
trait Bar { fn x(&self); type Y; }
impl Bar for a::Foo<u8> { fn x(&self) {} }
mod m { pub fn g() {} }
macro_rules! mm { () => {} }
static S: u8 = 1;
enum E { A }
""",
        [
            ("import", "", "use crate"),
            ("type", "Foo", "/// Of foos.\n#[derive"),
            ("function", "Foo.new", "pub fn new"),
            ("value", "Foo.X", "const X"),
            ("type", "Bar", "trait Bar"),
            ("function", "Bar.x", "fn x(&self);"),
            ("type", "Bar.Y", "type Y"),
            ("function", "Foo.x", "fn x(&self) {}"),
            ("function", "m.g", "pub fn g"),
            ("function", "mm", "macro_rules!"),
            ("value", "S", "static S"),
            ("type", "E", "enum E"),
        ],
    ),
    "go": (
        """\
package a
import "fmt"
// T is a type.
type T[K any] struct { A int }
type (
	I interface { M() }
	J = int
)
const C = 1
var (
	v int
	w, u = 2, 3
)
func (t *T[K]) M(a int) error { return nil }
func F() {}
""",
        [
            ("import", "", "import"),
            ("type", "T", "// T is"),
            ("type", "I", "I interface"),
            ("type", "J", "J = int"),
            ("value", "C", "const C"),
            ("value", "v", "v int"),
            ("value", "w", "w, u"),
            ("value", "u", "w, u"),
            ("function", "T.M", "func (t"),
            ("function", "F", "func F"),
        ],
    ),
    "typescript": (
        """\
import { A as B } from "./a";
export class C extends D<E> { private x = 1; constructor() {} abstract n(): void; }
export interface I { a: string; f(): void }
export type T = A | B;
export const f = (a: A): B => { return 1; };
const z = 1, y = 2;
namespace N { export function g() {} }
declare function h(): void;
/** Decorated. */
@dec()
class Z {}
""",
        [
            ("import", "", "import"),
            ("type", "C", "export class C"),
            ("value", "C.x", "private x"),
            ("function", "C.constructor", "constructor"),
            ("function", "C.n", "abstract n"),
            ("type", "I", "export interface"),
            ("value", "I.a", "a: string"),
            ("function", "I.f", "f()"),
            ("type", "T", "export type"),
            ("function", "f", "export const f"),
            ("value", "z", "z = 1"),
            ("value", "y", "y = 2"),
            ("function", "N.g", "export function g"),
            ("function", "h", "declare function"),
            ("type", "Z", "/** Decorated. */\n@dec"),
        ],
    ),
    "java": (
        """\
import c.d.E;
/** Of circles. */
@Ann public class C<T> extends D {
    private int x = 1, y;
    C() {}
    void m(A a) throws E { }
    enum K { A, B; void z() {} }
}
interface I { void f(); int Z = 1; }
record R(int a) { R {} }
""",
        [
            ("import", "", "import"),
            ("type", "C", "/** Of circles. */"),
            ("value", "C.x", "private int"),
            ("value", "C.y", "private int"),
            ("function", "C.C", "C() {}"),
            ("function", "C.m", "void m"),
            ("type", "C.K", "enum K"),
            ("value", "C.K.A", "A"),
            ("value", "C.K.B", "B"),
            ("function", "C.K.z", "void z"),
            ("type", "I", "interface I"),
            ("function", "I.f", "void f"),
            ("value", "I.Z", "int Z"),
            ("type", "R", "record R"),
            ("function", "R.R", "R {}"),
        ],
    ),
    "c": (
        """\
#include "a.h"
#define X 1
/* A list. */
typedef struct s { int a; } s_t;
struct q;
int f(int a);
static int *g(struct q *x) { return 0; }
int v = 1, *w;
#ifdef Z
int zz(void) { return 1; }
#endif
""",
        [
            ("import", "", "#include"),
            ("value", "X", "#define"),
            ("type", "s_t", "/* A list. */"),
            ("type", "s", "/* A list. */"),
            ("value", "s_t.a", "int a;"),
            ("function", "f", "int f"),
            ("function", "g", "static int *g"),
            ("value", "v", "int v"),
            ("value", "w", "int v"),
            ("function", "zz", "int zz"),
        ],
    ),
    "cpp": (
        """\
#include <a>
namespace a::b {
template <typename T> class C : public D { public: C(); int m() const { return 1; } std::map<int, int> f; };
}
template <typename T> int a::b::C<std::pair<T, T>>::k() { return 0; }
using X = int;
class Q;
struct P { int x; } p;
""",
        [
            ("import", "", "#include"),
            ("type", "a.b.C", "template"),
            ("function", "a.b.C.C", "C();"),
            ("function", "a.b.C.m", "int m"),
            ("value", "a.b.C.f", "std::map"),
            ("function", "a.b.C.k", "template <typename T> int"),
            ("type", "X", "using"),
            ("type", "P", "struct P"),
            ("value", "p", "struct P"),
            ("value", "P.x", "int x"),
        ],
    ),
    "zig": (
        """\
const std = @import("std");
/// A point.
pub const T = struct { a: u8, pub fn m(self: T) u8 { return 1; } const X = 1; };
pub fn f(a: u8) !void { }
var g: u8 = 1;
test "x" {}
const Er = error{A};
""",
        [
            ("value", "std", "const std"),
            ("type", "T", "/// A point."),
            ("value", "T.a", "a: u8"),
            ("function", "T.m", "pub fn m"),
            ("value", "T.X", "const X"),
            ("function", "f", "pub fn f"),
            ("value", "g", "var g"),
            ("type", "Er", "const Er"),
        ],
    ),
}


def defined(language: str, text: str) -> list[Definition]:
    return definitions_of(parse(language, text.encode()))


@pytest.mark.parametrize("language", DEFINED)
def test_a_file_s_definitions_are_found_with_their_scope_and_what_belongs_to_them(language: str) -> None:
    text, expected = DEFINED[language]
    found = defined(language, text)
    assert [(one.kind, ".".join((*one.scope, one.name))) for one in found] == [
        (kind, name) for kind, name, _ in expected
    ]
    for one, (_, name, begins) in zip(found, expected, strict=True):
        assert text.encode()[one.start :].decode().startswith(begins), name


@pytest.mark.parametrize(("language", "like"), [("javascript", "typescript"), ("tsx", "typescript")])
def test_languages_of_one_family_are_read_alike(language: str, like: str) -> None:
    text = "import a from 'a';\nexport class C { m() { return 1; } }\nconst f = () => { };\n"
    assert defined(language, text) == defined(like, text)


def test_a_body_is_told_apart_from_what_declares_it() -> None:
    text = "class A:\n    def f(self):\n        return 1\n"
    owner, function = defined("python", text)
    assert function.body is not None
    assert owner.body is not None
    assert text[slice(*function.body)] == "return 1"
    assert text[slice(*owner.body)].startswith("def f")
    assert owner.holds(text.index("return"))
    assert not function.holds(text.index("class"))
    assert function.holds(len(text) - 1)  # an empty place right behind the body


def test_what_lies_in_functions_is_not_defined_for_others() -> None:
    assert [one.name for one in defined("javascript", "function f() { function g() {} const x = 1; }")] == ["f"]


def test_a_comment_belongs_to_what_follows_it_right_away_in_lines_of_its_own() -> None:
    text = "x = 1  # of x\ny = 2\n\n# of nothing\n\ndef f(): pass\n# first\n# second\ndef g(): pass\n"
    found = {one.name: text[one.start : one.end] for one in defined("python", text)}
    assert found == {
        "x": "x = 1",
        "y": "y = 2",
        "f": "def f(): pass",
        "g": "# first\n# second\ndef g(): pass",
    }


def test_tables_without_end_are_cut_off() -> None:
    text = "".join(f"x{number} = 1\n" for number in range(MAX_DEFINITIONS + 10))
    assert len(defined("python", text)) == MAX_DEFINITIONS


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(LANGUAGES), st.data())
def test_broken_text_has_definitions_within_it_at_worst_none(language: str, data: st.DataObject) -> None:
    like = {"tsx": "typescript", "javascript": "typescript"}.get(language, language)
    whole = DEFINED[like][0].encode()
    cut = data.draw(st.tuples(st.integers(0, len(whole)), st.integers(0, len(whole))))
    text = whole[min(cut) :] + data.draw(st.binary(max_size=20)) + whole[: max(cut)]
    for one in definitions_of(parse(language, text)):
        assert 0 <= one.start <= one.head <= one.end <= len(text)
        assert one.body is None or one.head <= one.body[0] <= one.body[1] <= one.end
