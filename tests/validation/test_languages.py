"""Replies and fills in the languages other than python."""

from __future__ import annotations

import pytest

from maze_tasks.errors import Failure
from maze_tasks.models import Hole
from maze_tasks.validation import Fill, check, take_apart, verdict
from tests.validation.holes import hole, scanned

RUST = hole("fn add(a: i32, b: i32) -> i32 {\n    ", "\n}\n\nfn other() {}\n", "rust")
RUST_VALUE = hole("fn f() -> u8 {\n    let x = ", ";\n    x\n}\n", "rust")
GO = hole("package a\n\nfunc (s *S) Add(a int) int {\n", "}\n", "go")
TYPESCRIPT = hole("class A {\n  foo(x: number): number {\n    ", "\n  }\n}\n", "typescript")
JAVASCRIPT = hole("const f = (x) => {", "};\n", "javascript")
JAVA = hole("class A {\n    int f(int x) {\n        ", "\n    }\n}\n", "java")
C = hole("#include <stdio.h>\nint f(int x)\n{\n", "}\n", "c")
CPP = hole("namespace a {\nint A::f(int x) const {\n    ", "\n}\n}\n", "cpp")
ZIG = hole('const std = @import("std");\nfn f(x: i32) i32 {\n    ', "\n}\n", "zig")


@pytest.mark.parametrize(
    ("of", "reply"),
    [
        (RUST, "a + b"),
        (RUST, "let c = a + b;\n    c"),
        (RUST, "fn inner() -> i32 { 1 }\n    inner()"),
        (RUST_VALUE, "match 1 { 1 => 2, _ => 3 }"),
        (GO, "\treturn a\n"),
        (TYPESCRIPT, "const y = `${x}\n`;\n    return x;"),
        (TYPESCRIPT, "return [x].map((y): number => y)[0]"),
        (JAVASCRIPT, " return x; "),
        (JAVASCRIPT, "\n  const y = 1;\n  return y;\n"),
        (JAVA, "if (x > 0) {\n            return 1;\n        }\n        return x;"),
        (C, "    char *s = \"}\";\n    return '}' + s[0]; /* } */\n"),
        (CPP, 'auto r = R"(})";\n    return x;'),
        (ZIG, "return x;"),
    ],
)
def test_what_fits_as_it_is_stays_as_it_is(of: Hole, reply: str) -> None:
    assert take_apart(reply, of) == Fill(reply)
    assert verdict(check(Fill(reply), of)) is None


@pytest.mark.parametrize(
    ("of", "reply", "code"),
    [
        (RUST, "```rust\nfn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n```", "a + b"),
        (RUST, "a + b\n}\n\nfn more() {", "a + b"),
        (RUST, "Here you go:\n\na + b", "a + b"),
        (RUST_VALUE, "let x = 5;", "5"),
        (GO, "func (s *S) Add(a int) int {\n\treturn a\n}", "\treturn a\n"),
        (GO, "```go\npackage a\n\nfunc (s *S) Add(a int) int {\n\tb := a\n\treturn b\n}\n```",
         "\tb := a\n\treturn b\n"),
        (TYPESCRIPT, "foo(x: number): number {\n  return x;\n}", "return x;"),
        (TYPESCRIPT, "```ts\nclass A {\n  foo(x: number): number {\n    const y = x;\n    return y;\n  }\n}\n```",
         "const y = x;\n    return y;"),
        (JAVASCRIPT, "const f = (x) => {\n    return x;\n};", " return x; "),
        (JAVASCRIPT, "const f = (x) => x + 1;", " return x + 1; "),
        (CPP, "class A;\n\nint A::f(int x) const {\n    return x;\n}", "return x;"),
        (hole("class A {\n    int x;\n", "};\n", "cpp"), "class A {\n    int x;\n    int y;\n};\n", "    int y;\n"),
        (hole("class A {\n    int x;\n", "};\n", "cpp"), "class A;\nclass A { int x; };", None),
        (JAVA, "public int f(int x) {\n    int y = x;\n    return y;\n}", "int y = x;\n        return y;"),
        (JAVA, "return x", "return x;"),
        (C, "int f(int x)\n{\n    return x;\n}\n", "    return x;\n"),
        (C, "    return x;\n}\n\nint main(void)\n{\n    return 0;\n}\n", "    return x;\n"),
        (CPP, "int A::f(int x) const {\n    return x;\n}", "return x;"),
        (ZIG, "fn f(x: i32) i32 {\n    return x;\n}", "return x;"),
    ],
)  # fmt: skip
def test_a_body_is_taken_out_of_what_is_around_it(of: Hole, reply: str, code: str | None) -> None:
    fill = take_apart(reply, of)
    if code is None:
        assert isinstance(fill, Failure)
        return
    assert isinstance(fill, Fill), fill
    assert fill.code == code
    assert verdict(check(fill, of)) is None


@pytest.mark.parametrize(
    ("of", "reply", "fill"),
    [
        (RUST, "use std::cmp::max;\n\nfn add(a: i32, b: i32) -> i32 {\n    max(a, b)\n}",
         Fill("use std::cmp::max;\n    max(a, b)", ("use std::cmp::max;",), altered=True)),
        (GO, 'package a\n\nimport "strings"\n\nfunc (s *S) Add(a int) int {\n\treturn strings.Len(a)\n}\n',
         Fill("\treturn strings.Len(a)\n", ('import "strings"',), altered=True)),
        (JAVA, "import java.util.List;\nclass A {\n    int f(int x) {\n        List l;\n        return x;\n    }\n}",
         Fill("List l;\n        return x;", ("import java.util.List;",), altered=True)),
        (C, "#include <math.h>\n#include <stdio.h>\nint f(int x)\n{\n    return sqrt(x);\n}",
         Fill("    return sqrt(x);\n", ("#include <math.h>",), altered=True)),
    ],
)  # fmt: skip
def test_imports_go_where_the_language_lets_them(of: Hole, reply: str, fill: Fill) -> None:
    assert take_apart(reply, of) == fill
    notes = [one for one in check(fill, of) if one.check == "imports"]
    assert bool(notes) == (of is not RUST)
    assert all(one.severity == "note" for one in notes)


@pytest.mark.parametrize(
    ("of", "reply"),
    [
        (RUST, "let c = ;"),
        (RUST, "helper(a)\n}\n\nfn helper("),
        (GO, "\treturn (a\n"),
        (TYPESCRIPT, "return x;\n  }\n  bar() {"),
        (JAVA, "I am sorry"),
        (C, "    return x\n    }"),
    ],
)
def test_what_does_not_fit_is_found_by_the_checks(of: Hole, reply: str) -> None:
    failure = verdict(check(Fill(reply), of))
    assert failure is not None
    assert failure.kind in ("syntax", "surroundings")


def test_what_a_body_needs_beside_itself_is_told() -> None:
    failure = take_apart("int g(int x) { return x; }\n\nint f(int x)\n{\n    return g(x);\n}\n", C)
    assert isinstance(failure, Failure)
    assert "`g`" in failure.message


@pytest.mark.parametrize(
    ("path", "language", "text", "reply"),
    [
        ("a.rs", "rust", "impl A {\n    fn f(&self) -> u8 { todo!() }\n}\n", " self.0 "),
        ("a.go", "go", 'package a\n\nfunc f() int {\n\tpanic("not implemented")\n}\n', "\treturn 1\n"),
        ("a.ts", "typescript", "class A {\n  f() {\n    throw new Error('TODO');\n  }\n}\n", "    return 1;\n"),
        ("a.js", "javascript", "function f() {\n  throw new Error('TODO');\n}\n", "  return 1;\n"),
        ("A.java", "java", "class A {\n  int f() {\n    throw new UnsupportedOperationException();\n  }\n}\n",
         "    return 1;\n"),
        ("a.c", "c", "int f(void)\n{\n    assert(0);\n}\n", "    return 1;\n"),
        ("a.cpp", "cpp", 'int f() {\n  throw std::logic_error("Not implemented");\n}\n', "  return 1;\n"),
        ("a.zig", "zig", 'fn f() u8 {\n    @panic("TODO");\n}\n', "    return 1;\n"),
    ],
)  # fmt: skip
def test_a_scanned_hole_takes_its_body_in_every_form(path: str, language: str, text: str, reply: str) -> None:
    found = scanned(text, path, language)
    for file_text in (None, text):
        assert take_apart(reply, found, file_text) == Fill(reply)
        fill = take_apart(f"So:\n```\n{reply}\n```\n", found, file_text)
        assert isinstance(fill, Fill)
        assert fill.code.split() == reply.split()
        assert verdict(check(fill, found, file_text=file_text)) is None
        assert found.place is not None
        again = check(Fill(text.encode()[found.place.start : found.place.end].decode()), found, file_text=file_text)
        assert verdict(again) is not None


BROKEN = [
    # A bracket too many in the middle: what is ahead of it is not the whole.
    "\tif n > 1 {\n\t\treturn 1\n\t}\n\t}\n\tm := g(n)\n\treturn m\n",
    "func f(n int) int {\n\tif n > 1 {\n\t\treturn 1\n\t}\n\t}\n\tm := g(n)\n\treturn m\n}\n",
    # One that is missing, with signs and words ahead.
    "<|fim_middle|>\tif n > 1 {\n\t\treturn 1\n\t\tm := g(\n\treturn m\n",
    "Here is the code:\n\nif n > 1 {\n\treturn 1\n}\nm := g(\nreturn m\n",
]


@pytest.mark.parametrize("reply", BROKEN)
def test_no_part_of_broken_code_is_taken(reply: str) -> None:
    assert isinstance(take_apart(reply, hole("package a\n\nfunc f(n int) int {\n", "}\n", "go")), Failure)


@pytest.mark.parametrize(
    "reply",
    [
        "{\n  if (a) {\n    return b;\n  }\n  return c;\n}",
        "function f(a) {\n  if (a) {\n    return b;\n  }\n  return c;\n}\n\nf(1);\n",
        'import x from "x";\n\nfunction f(a) {\n  if (a) {\n    return b;\n  }\n  return c;\n}\n\nexport { f };\n',
        '{"code": "  if (a) {\\n    return b;\\n  }\\n  return c;\\n"}',
        "  if (a) {\n    return b;\n  }\n  return c;\n}\n\nfunction g() {\n",
    ],
)
def test_the_body_alone_goes_between_its_braces(reply: str) -> None:
    fill = take_apart(reply, hole("function f(a) {\n", "}\n\nfunction g() {\n  return 1;\n}\n", "javascript"))
    assert isinstance(fill, Fill), fill
    assert fill.code == "  if (a) {\n    return b;\n  }\n  return c;\n"


def test_a_comment_may_end_a_body() -> None:
    of = hole("package a\n\nfunc f() int {", "\n}\n", "go")
    assert take_apart("\n\treturn 1\n\t// end", of) == Fill("\n\treturn 1\n\t// end")
