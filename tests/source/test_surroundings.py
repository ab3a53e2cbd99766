"""What is known of the code around a hole."""

from __future__ import annotations

import pytest

from .conftest import Scan


@pytest.mark.parametrize(
    ("language", "text", "scope", "signature", "expected_type"),
    [
        (
            "python",
            "class A:\n  class B:\n    async def f(\n        self, x: int = 1\n    ) -> list[int]:  # so\n      pass\n",
            ("A", "B", "f"),
            "async def f(\n        self, x: int = 1\n    ) -> list[int]:",
            "list[int]",
        ),
        ("python", "def f(s='# x'):\n  # y\n  # HOLE\n  pass\n", ("f",), "def f(s='# x'):", None),
        (
            "rust",
            "mod m { impl<T> X for Y<T> { pub fn f(&self) -> Z<T> { todo!() } } }",
            ("m", "<Y as X>", "f"),
            None,
            "Z<T>",
        ),
        ("rust", "fn f() { let g = |x: u8| -> u8 { todo!() }; }", ("f", "g"), "let g = |x: u8| -> u8", "u8"),
        ("go", 'package p\nfunc (t *T[K]) F(a int) (int, error) { panic("TODO") }', ("T", "F"), None, "(int, error)"),
        ("go", 'package p\nvar f = func() int { panic("TODO") }', ("f",), "var f = func() int", "int"),
        (
            "typescript",
            "namespace N { export class A<T> { f = async (x: T): Promise<T> => { throw new Error('TODO'); }; } }",
            ("N", "A", "f"),
            "f = async (x: T): Promise<T> =>",
            "Promise<T>",
        ),
        ("typescript", "const a = { b() { throw new Error('TODO') } };", ("b",), "b()", None),
        ("javascript", "a.b = function (c) { throw new Error('TODO') };", ("a.b",), "a.b = function (c)", None),
        ("javascript", "f(() => { throw new Error('TODO') });", ("<anonymous>",), "() =>", None),
        (
            "java",
            'class A<T> { Runnable r = () -> { throw new RuntimeException("TODO"); }; }',
            ("A", "r"),
            "Runnable r = () ->",
            None,
        ),
        ("java", 'enum E { X; <T> T f(T t) throws Y { throw new RuntimeException("TODO"); } }', ("E", "f"), None, "T"),
        ("java", "class A { static { throw new UnsupportedOperationException(); } }", ("A", "static"), "static", None),
        ("javascript", "a(b, function () { throw new Error('TODO') })", ("<anonymous>",), "function ()", None),
        ("go", 'package p\nfunc f() { g(func() { panic("TODO") }, 1) }', ("f", "<anonymous>"), "func()", None),
        ("typescript", "class A { static { throw new Error('TODO'); } }", ("A", "<anonymous>"), "static", None),
        ("c", "static const char **f(int a) { assert(0); }", ("f",), "static const char **f(int a)", "const char **"),
        (
            "cpp",
            "namespace a::b { template <class T> auto C<T>::f(T t) const -> T { assert(0); } }",
            ("a", "b", "C<T>", "f"),
            "auto C<T>::f(T t) const -> T",
            "T",
        ),
        ("cpp", "struct A { operator bool() const { assert(0); } };", ("A", "operator bool"), None, None),
        ("cpp", "int &f() { assert(false); }", ("f",), "int &f()", "int &"),
        (
            "zig",
            'const S = struct { fn f(self: *S) !u8 { @panic("TODO"); } };',
            ("S", "f"),
            "fn f(self: *S) !u8",
            "!u8",
        ),
        ("zig", 'test "sum" { @panic("TODO"); }', ('test "sum"',), 'test "sum"', None),
    ],
)
def test_scope_signature_and_type(
    seen: Scan, language: str, text: str, scope: tuple[str, ...], signature: str | None, expected_type: str | None
) -> None:
    (hole,) = seen(language, text)
    assert hole.place.scope == scope
    assert signature is None or hole.place.signature == signature
    assert hole.state.expected_type == expected_type


@pytest.mark.parametrize(
    ("language", "text", "docstring"),
    [
        ("python", 'def f():\n    """First.\n\n      Second.\n    """\n    pass\n', "First.\n\nSecond."),
        ("python", "def f():\n    'a' 'b'\n    pass\n", "ab"),
        ("python", "def f():\n    f'x'\n    pass\n", None),
        ("python", "def f():\n    \n    pass\n", None),
        ("python", "def f():\n    '\\ud800x'\n    pass\n", "?x"),
        ("rust", "// not\n\n/// One.\n///\n/// Two.\n#[inline]\nfn f() { todo!() }\n", "One.\n\nTwo."),
        ("go", 'package p\n\n// F does.\n//  More.\nfunc F() { panic("TODO") }\n', "F does.\n More."),
        (
            "java",
            "class A {\n  /**\n   * Does.\n   */\n  @Ok\n  int f() { throw new UnsupportedOperationException(); }\n}",
            "Does.",
        ),
        ("c", "/* Does\n   it. */\nint f(void) { assert(0); }\n", "Does\nit."),
        ("c", "#include <a.h>\nint f(void) { assert(0); }\n", None),
        ("javascript", "/** Does. */\nfunction f() { throw new Error('TODO') }\n", "Does."),
        ("javascript", "const x = 1; /* x */\nfunction f() { throw new Error('TODO') }\n", None),
    ],
)
def test_what_a_function_says_of_itself(seen: Scan, language: str, text: str, docstring: str | None) -> None:
    (hole,) = seen(language, text)
    assert hole.place.docstring == docstring


CLASS = """\
class A:
    def f(self):
        pass

    def g(self):
        x = <<< HOLE: one >>>
        return self.f() + h(x) + self.g()

class B:
    def f(self):
        y = <<< HOLE: two >>>
        return f(1) + A.f(y) + other.f(2)

def h(x):
    raise NotImplementedError

def f():
    ...
"""


def test_a_hole_needs_the_functions_that_the_code_around_it_calls(seen: Scan) -> None:
    holes = seen("python", CLASS)
    bodies = {hole.place.scope: hole.hole.id for hole in holes if hole.place.kind == "body"}
    needs = {hole.place.scope: set(hole.hole.depends_on) for hole in holes if hole.place.kind == "expression"}
    assert needs == {
        ("A", "g"): {bodies["A", "f"], bodies["h",]},
        ("B", "f"): {bodies["f",], bodies["A", "f"]},
    }


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("rust", "impl A { fn f() { todo!() } fn g(&self) -> u8 { let x = todo!(); Self::f() } }"),
        ("rust", "impl X for A { fn f(&self) { todo!() } fn g(&self) -> u8 { let x = todo!(); self.f() } }"),
        ("go", 'package p\nfunc f() { panic("TODO") }\nfunc g() { f(); x := <<< HOLE >>> }'),
        ("typescript", "class A { f() { throw new Error('TODO') } g() { this.f(undefined as any); } }"),
        ("java", 'class A { int f() { throw new RuntimeException("TODO"); } int g() { return f() + /* HOLE */; } }'),
        ("java", 'class A { int f() { throw new RuntimeException("TODO"); } int g() { return this.f(/* HOLE */); } }'),
        ("c", "int f(void) { assert(0); }\nint g(void) { return f() + /* TODO */; }"),
        ("cpp", "struct A { int f() { assert(0); } int g() { return this->f() + /* TODO */; } };"),
        ("cpp", "int A::f() { assert(0); }\nint g() { return A::f() + /* TODO */; }"),
        ("zig", 'fn f() u8 { @panic("TODO"); }\nfn g() u8 { const x: u8 = @panic("TODO"); return f() + x; }'),
    ],
)
def test_calls_are_understood_in_every_language(seen: Scan, language: str, text: str) -> None:
    callee, caller = seen(language, text)
    assert caller.hole.depends_on == (callee.hole.id,)
    assert callee.hole.depends_on == ()


def test_bodies_need_nothing(seen: Scan) -> None:
    assert [hole.hole.depends_on for hole in seen("python", CLASS) if hole.place.kind == "body"] == [()] * 3
