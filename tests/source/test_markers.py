"""Markers of the languages with braces."""

from __future__ import annotations

import pytest

from .conftest import Scan

BODIES = [
    ("rust", "fn f() -> u8 {\n    todo!()\n}\n", "    todo!()\n"),
    ("rust", 'fn f() -> u8 {\n    // so\n    todo!("x {}", 1) // soon\n}\n', '    todo!("x {}", 1) // soon\n'),
    ("rust", "impl A {\n    fn f(&self) { std::unimplemented!(); }\n}\n", " std::unimplemented!(); "),
    ("rust", 'fn f() {\n\tpanic!("TODO");\n}\n', '\tpanic!("TODO");\n'),
    ("rust", 'fn f() {\n    panic ! [ /* x */ r#"not implemented"# ] ;\n}\n', None),
    ("go", 'package p\n\nfunc F() int {\n\tpanic("not implemented")\n}\n', '\tpanic("not implemented")\n'),
    ("go", "package p\n\nfunc (t *T) F() { panic(`TODO`) }\n", " panic(`TODO`) "),
    ("go", 'package p\n\nvar f = func() {\n\tpanic( /* x */ "todo" )\n}\n', None),
    ("typescript", "function f(): number {\n  throw new Error('TODO');\n}\n", "  throw new Error('TODO');\n"),
    ("typescript", 'class A {\n  f() {\n    throw new Error("Not implemented")\n  }\n}\n', None),
    ("typescript", "const f = (x: number) => { throw new Error(`TODO`); };\n", " throw new Error(`TODO`); "),
    ("tsx", "const F = () => {\n  throw new Error('Not implemented.');\n};\n", None),
    ("javascript", "class A { #f() { throw  new  Error ( 'TODO: x' ) } }\n", None),
    ("javascript", "module.exports = function () {\n  throw Error('TODO')\n}\n", None),
    ("java", "class A {\n  int f() {\n    throw new UnsupportedOperationException();\n  }\n}\n", None),
    ("java", 'class A { A() { throw new java.lang.UnsupportedOperationException("x"); } }\n', None),
    ("java", 'class A { int f() { throw new RuntimeException("TODO"); } }\n', None),
    ("c", "int f(void) {\n  assert(false);\n}\n", "  assert(false);\n"),
    ("c", "int f(void)\n{\n    /* TODO */\n}\n", "    /* TODO */\n"),
    ("c", "int *f(void) { assert( 0 ); }\n", " assert( 0 ); "),
    ("cpp", 'int A::f() const {\n  throw std::logic_error("Not implemented");\n}\n', None),
    ("cpp", 'auto f() -> int { throw std::runtime_error("TODO"); }\n', None),
    ("cpp", 'auto f = [] { throw std::logic_error{"not implemented"}; };\n', None),
    ("zig", 'fn f() u8 {\n    @panic("TODO");\n}\n', '    @panic("TODO");\n'),
    ("zig", 'test "x" { @panic("not implemented"); }\n', None),
]


@pytest.mark.parametrize(("language", "text", "cut"), BODIES)
def test_a_marker_that_is_a_whole_body_is_a_hole(seen: Scan, language: str, text: str, cut: str | None) -> None:
    (hole,) = seen(language, text)
    assert (hole.place.kind, hole.state.scale) == ("body", "macro")
    assert cut is None or hole.cut == cut


@pytest.mark.parametrize(
    ("language", "text", "short", "expected_type"),
    [
        ("rust", "fn f() { let x: Vec<u8> = todo!(); g(x) }", ("expression", "nano", "todo!()"), "Vec<u8>"),
        ("rust", "const X: u8 = unimplemented!();", ("expression", "nano", "unimplemented!()"), "u8"),
        ("rust", "fn f(x: u8) -> u8 { match x { 1 => todo!(), _ => 2 } }", ("expression", "nano", "todo!()"), None),
        ("rust", "fn f() -> u8 { if x { return todo!(); } 1 }", ("expression", "nano", "todo!()"), "u8"),
        ("rust", "fn f() {\n    g();\n    todo!();\n    h();\n}\n", ("statement", "micro", "    todo!();\n"), None),
        (
            "rust",
            "fn f() {\n    if x {\n        todo!()\n    }\n    h()\n}\n",
            ("statement", "meso", "        todo!()\n"),
            None,
        ),
        ("rust", "let c = |x| todo!();", ("expression", "nano", "todo!()"), None),
        ("go", 'package p\nfunc f() { g(); panic("TODO") }', ("statement", "micro", 'panic("TODO")'), None),
        ("typescript", "const x: Foo = undefined as any;", ("expression", "nano", "undefined as any"), "Foo"),
        ("typescript", "const f = (): Foo => undefined  as\nany;", ("expression", "nano", "undefined  as\nany"), "Foo"),
        ("typescript", "f((undefined as any), 1);", ("expression", "nano", "undefined as any"), None),
        ("javascript", "if (x) throw new Error('TODO');", ("statement", "micro", "throw new Error('TODO');"), None),
        ("java", 'class A { int f() { g(); throw new RuntimeException("TODO"); } }', None, None),
        ("c", "int f() { switch (x) { case 1: assert(0); break; } }", ("statement", "micro", "assert(0);"), None),
        ("c", "int f() {\n  return /* TODO */;\n}\n", ("expression", "nano", "/* TODO */"), "int"),
        ("c", "int f() { const char *s = /* HOLE */; }", ("expression", "nano", "/* HOLE */"), "const char *"),
        ("c", "int f() {\n  g();\n  /* TODO */\n  h();\n}\n", ("comment", "micro", "  /* TODO */\n"), None),
        ("rust", "fn f() {\n  g();\n  todo!(); // HOLE: scale=nano\n}\n", None, None),
        ("c", "int f(int a /* HOLE */);\n", ("expression", "nano", "/* HOLE */"), None),
        ("zig", 'const x: u8 = @panic("TODO");', ("expression", "nano", '@panic("TODO")'), "u8"),
    ],
)
def test_a_marker_elsewhere_is_replaced_as_what_it_is(
    seen: Scan, language: str, text: str, short: tuple[str, str, str] | None, expected_type: str | None
) -> None:
    (hole,) = seen(language, text)
    assert short is None or hole.short == short
    assert hole.state.expected_type == expected_type


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("rust", 'fn f() { let s = "todo!()"; /* todo!() */ g(s) } // unimplemented!()'),
        ("rust", 'fn f() { panic!("TODO list is empty"); panic!("{}", x); panic!(); my_todo!(); todo() }'),
        ("rust", "trait T { fn f(&self); }"),
        ("go", 'package p\nfunc f() { panic("TODO list"); panic(err); panic(fmt.Sprint("TODO")); log.panic("TODO") }'),
        ("go", 'package p\nconst s = `panic("TODO")` // panic("TODO")\ntype I interface { F() }'),
        ("typescript", "throw new Error('x'); throw new TypeError('TODO'); throw e; new Error('TODO');"),
        ("typescript", "abstract class A { abstract f(): void; } interface I { f(): void }"),
        ("typescript", "const x = undefined; const y = z as any; const s = 'undefined as any';"),
        ("javascript", "throw new Error(`TODO ${x}`); throw new Error('Not implemented' + x); f('TODO')"),
        (
            "java",
            'class A { void f() { throw new RuntimeException("x"); } B g() { new RuntimeException("TODO"); } }',
        ),
        ("java", "abstract class A { abstract int f(); } interface I { int f(); }"),
        ("java", "class A { void f() { throw new UnsupportedOperationException() { }; } }"),
        ("java", "class A { Object f() { return new UnsupportedOperationException(); } }"),
        ("c", 'int f() { assert(x); assert(0 && "x"); my_assert(0); return 0; }\n#define F assert(0)\n'),
        ("c", "/* TODO: tidy up */ int f(void); // TODO\n"),
        ("c", "#if 0\nint f(void) { assert(0); }\n/* TODO */\n#if A\nint g(void) { assert(0); }\n#endif\n#endif\n"),
        ("cpp", 'int f() {\n#if 0\n  throw std::logic_error("TODO");\n#endif\n  return 1;\n}\n'),
        ("c", "#define ONE /* TODO */ 1\n#define F(x) do { \\\n assert(0); /* TODO */ } while (0)\n"),
        ("cpp", 'int f() { throw std::logic_error("bad"); } struct A { virtual int g() = 0; };'),
        ("cpp", 'auto e = std::runtime_error("TODO");'),
        ("zig", 'fn f() void { @panic("out of memory"); unreachable; }'),
    ],
)
def test_what_only_looks_like_a_hole_is_none(seen: Scan, language: str, text: str) -> None:
    assert seen(language, text) == []


COMMENTS = [
    ("rust", "fn f() -> u8 {\n    // HOLE: must_use=g\n}\n"),
    ("go", "package p\n\nfunc f() int {\n\t// HOLE: must_use=g\n}\n"),
    ("typescript", "function f(): number {\n  /* HOLE: must_use=g */\n}\n"),
    ("tsx", "function f(): number {\n  /* HOLE: must_use=g */\n}\n"),
    ("javascript", "function f() {\n  // HOLE: must_use=g\n}\n"),
    ("java", "class A {\n  int f() {\n    // HOLE: must_use=g\n  }\n}\n"),
    ("c", "int f(void) {\n  // HOLE: must_use=g\n}\n"),
    ("cpp", "int f() {\n  // HOLE: must_use=g\n}\n"),
    ("zig", "fn f() u8 {\n    // HOLE: must_use=g\n}\n"),
]


@pytest.mark.parametrize(("language", "text"), COMMENTS)
def test_a_hole_comment_stands_for_the_body_that_it_is_in(seen: Scan, language: str, text: str) -> None:
    (hole,) = seen(language, text)
    assert (hole.place.kind, hole.state.constraints) == ("body", ("must_use_binding: g",))
    assert "HOLE" in hole.cut
    assert hole.cut.endswith("\n")


@pytest.mark.parametrize(
    ("language", "text", "expected_type"),
    [
        ("rust", "fn f() { let x: u8 = /* HOLE */; }", "u8"),
        ("rust", "fn f() { g(<<< HOLE >>>); }", None),
        ("go", "package p\nfunc f() { var x int = <<< HOLE >>> }", "int"),
        ("typescript", "const x: number = /* HOLE */;", "number"),
        ("java", "class A { int f() { int x = /* HOLE */; return x; } }", "int"),
        ("c", "int f(void) { return /* HOLE: type=long */; }", "long"),
        ("cpp", "int f() { return g(/* HOLE */, 1); }", None),
        ("zig", "fn f() u8 { const x: u16 = <<< HOLE >>>; return x; }", "u16"),
    ],
)
def test_a_hole_comment_in_an_expression_is_replaced_exactly(
    seen: Scan, language: str, text: str, expected_type: str | None
) -> None:
    (hole,) = seen(language, text)
    assert (hole.place.kind, hole.state.scale, hole.place.indent) == ("expression", "nano", "")
    assert hole.cut in ("/* HOLE */", "<<< HOLE >>>", "/* HOLE: type=long */")
    assert hole.state.expected_type == expected_type
    assert hole.filled("1") == text.replace(hole.cut, "1")


def test_a_hole_comment_right_above_a_marker_speaks_of_it(seen: Scan) -> None:
    (hole,) = seen("rust", "fn f() {\n    g();\n    // HOLE: scale=meso\n    todo!();\n    h();\n}\n")
    assert hole.short == ("statement", "meso", "    // HOLE: scale=meso\n    todo!();\n")


def test_a_hole_comment_behind_a_marker_speaks_of_it(seen: Scan) -> None:
    (hole,) = seen("rust", "fn f() {\n    g();\n    todo!(); // HOLE: scale=meso\n}\n")
    assert hole.short == ("statement", "meso", "    todo!(); // HOLE: scale=meso\n")


def test_a_documentation_comment_of_rust_ends_with_its_line(seen: Scan) -> None:
    (hole,) = seen("rust", "/// HOLE: a function\nfn f() {}\n")
    assert hole.short == ("comment", "macro", "/// HOLE: a function\n")


def test_a_function_with_several_markers_has_one_hole_each(seen: Scan) -> None:
    text = "fn f(x: u8) -> u8 {\n    let a: u8 = todo!();\n    todo!();\n    match x { 1 => todo!(), _ => a }\n}\n"
    holes = seen("rust", text)
    assert [hole.place.kind for hole in holes] == ["expression", "statement", "expression"]
    assert len({hole.hole.id for hole in holes}) == 3


def test_code_that_the_preprocessor_keeps_is_looked_at(seen: Scan) -> None:
    f = "int f(void) { assert(0); }\n"
    assert [hole.place.line for hole in seen("c", f"#if 0\n{f}#elif A\n{f}#else\n{f}#endif\n")] == [4, 6]
    assert [hole.place.line for hole in seen("cpp", f"#if A\n{f}#else\n{f}#endif\n")] == [2, 4]


def test_a_file_that_does_not_parse_still_shows_its_holes(seen: Scan) -> None:
    assert [hole.cut for hole in seen("rust", "fn f( {\n}\n\nfn g() {\n    todo!()\n}\n")] == ["    todo!()\n"]
