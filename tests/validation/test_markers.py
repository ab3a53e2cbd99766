"""Marks of a hole that a fill leaves behind."""

from __future__ import annotations

import pytest

from maze_tasks.models import Hole
from maze_tasks.validation import Fill, check
from tests.validation.holes import hole, scanned

PYTHON = hole("def f(x):\n", "")
BODIES = {
    "python": PYTHON,
    "rust": hole("fn f() -> u8 {\n", "}\n", "rust"),
    "go": hole("package a\nfunc f() int {\n", "}\n", "go"),
    "javascript": hole("function f() {\n", "}\n", "javascript"),
    "typescript": hole("function f() {\n", "}\n", "typescript"),
    "java": hole("class A { int f() {\n", "} }\n", "java"),
    "c": hole("int f(void) {\n", "}\n", "c"),
    "cpp": hole("int f() {\n", "}\n", "cpp"),
    "zig": hole("fn f() u8 {\n", "}\n", "zig"),
}


def marks(code: str, of: Hole, severity: str = "error") -> list[str]:
    return [one.message for one in check(Fill(code), of) if one.check == "marker" and one.severity == severity]


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "    pass\n"),
        ("python", "    ...\n"),
        ("python", "    # later\n    pass\n"),
        ("python", "    '''Doc.'''\n    pass\n"),
        ("python", "    import re\n    raise NotImplementedError\n"),
        ("python", "    raise NotImplementedError('soon')\n"),
        ("python", "    y = x\n    raise NotImplementedError\n"),
        ("python", "    return x  # HOLE: scale=nano\n"),
        ("python", "    y = x\n    # ... rest of the code ...\n    return y\n"),
        ("python", "    # your code here\n    return x\n"),
        ("python", "    # <<< HOLE >>>\n    return x\n"),
        ("python", "    # <<<FILL>>>\n    return x\n"),
        ("rust", "    todo!()\n"),
        ("rust", "    let a = 1;\n    unimplemented!(\"b\")\n"),
        ("rust", "    if a { return 1; }\n    panic!(\"TODO\")\n"),
        ("go", "\tpanic(\"not implemented\")\n"),
        ("go", "\ta := 1\n\tpanic(\"todo: b\")\n"),
        ("javascript", "  const a = 1;\n  throw new Error('Not implemented');\n"),
        ("typescript", "  throw new Error('TODO');\n"),
        ("python", "    def g(y):\n        ...\n    return g(x)\n"),
        ("python", "    def g(y):\n        'Later.'\n        raise NotImplementedError()\n    return g(x)\n"),
        ("javascript", "  throw Error('TODO');\n"),
        ("typescript", "  return undefined as any;\n"),
        ("c", "  /* TODO */ return 0;\n"),
        ("c", "  int a = 1;\n  assert(0);\n  return a;\n"),
        ("java", "  int a = 1;\n  throw new UnsupportedOperationException(\"later\");\n"),
        ("java", "  int a = 1;\n  throw new RuntimeException(\"TODO\");\n"),
        ("java", "  throw new UnsupportedOperationException();\n"),
        ("c", "  assert(0);\n"),
        ("c", "  int a = 1; /* ... existing code ... */\n  return a;\n"),
        ("cpp", "  int a = 1;\n  throw std::logic_error(\"Not implemented\");\n"),
        ("zig", "  const a = 1;\n  @panic(\"TODO\");\n"),
    ],
)  # fmt: skip
def test_a_mark_that_is_left_is_an_error(language: str, code: str) -> None:
    assert marks(code, BODIES[language]) != []


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "    if x:\n        return 1\n    raise NotImplementedError(x)\n"),
        ("python", "    class A:\n        def g(self):\n            raise NotImplementedError\n    return A\n"),
        ("python", "    try:\n        g()\n    except ValueError:\n        pass\n    return x\n"),
        ("python", "    return 'HOLE' + 'raise NotImplementedError'\n"),
        ("python", "    return x[...]\n"),
        ("python", "    # the hole in a list; the rest is kept\n    return x\n"),
        ("rust", '    println!("todo!()");\n    1\n'),
        ("go", '\tpanic("no such thing")\n'),
        ("javascript", "  throw new Error('no such file');\n"),
        ("java", "  if (a) { throw new UnsupportedOperationException(); }\n  return 1;\n"),
        ("c", "  if (a) { assert(0); }\n  return 1;\n"),
    ],
)
def test_what_only_looks_like_a_mark_is_none(language: str, code: str) -> None:
    assert marks(code, BODIES[language]) == []


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "    class A:\n        def g(self):\n            raise NotImplementedError\n    return A\n"),
        ("python", "    return x  # TODO: faster\n"),
        ("java", "  if (a) { throw new UnsupportedOperationException(); }\n  return 1;\n"),
        ("c", "  if (a) { assert(0); }\n  return 1;\n"),
    ],
)
def test_what_may_be_a_mark_is_a_note(language: str, code: str) -> None:
    assert len(marks(code, BODIES[language], "note")) == 1


def test_the_mark_of_the_hole_itself_is_no_fill() -> None:
    of = scanned("def f(x):\n    return x + HOLE_VALUE\n\n\ndef g(x):\n    raise NotImplementedError('x')\n")
    assert marks("    raise NotImplementedError\n", of) == ["the fill is nothing but the mark of a hole"]


def test_a_mark_in_brackets_is_found_without_a_grammar() -> None:
    assert marks("a <<< HOLE >>> b", hole(None, None, None)) == ["the hole's mark is left: <<< HOLE >>>"]
