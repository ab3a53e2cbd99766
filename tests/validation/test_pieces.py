"""Pieces of real code, cut out and put back: a reply that is what stood there stays as it is, in every language."""

from __future__ import annotations

import pytest

from maze_tasks.errors import Failure
from maze_tasks.validation import Fill, check, take_apart, verdict
from tests.validation.holes import hole

PIECES = [
    # Lines of their own, which a name in their place would join with the line behind it.
    ("java", "class A {\n    void f() {\n", "        a = b();\n", "        c = d.length;\n    }\n}\n"),
    ("java", "class A {\n    void f() {\n        ", "a = b();", "\n        c = d.length;\n    }\n}\n"),
    ("c", "void f(void)\n{\n", "\tif (a) {\n\t\tb();\n\t}\n", "\tc = d(e);\n}\n"),
    (
        "c",
        "int f(int t)\n{\n\tswitch (t) {\n",
        "\tcase 1:\n\t\treturn a(t);\n",
        "\tcase 2:\n\t\treturn b(t);\n\t}\n}\n",
    ),
    ("go", "package a\n\nfunc f() {\n", "\tax := &x\n", "\tcx := x\n\tg(ax, cx)\n}\n"),
    ("go", "package a\n\nfunc f() {\n\tswitch s {\n\tcase 1:\n", "\t\tb = g(s)\n", "\t\tn = h(b)\n\t}\n}\n"),
    ("go", "package a\n\nfunc f() {\n\t", "<-ch", "\n}\n"),
    ("typescript", "function f() {\n", "  let a = g();\n", "  let b = a;\n  return b;\n}\n"),
    ("cpp", "void f() {\n", "  std::forward<F1>(f1)();\n", "  std::forward<F2>(f2)();\n}\n"),
    ("rust", "fn f() {\n    ", "match a {\n        1 => b(),\n        _ => c(),\n    }", ";\n    d();\n}\n"),
    ("zig", "fn f() void {\n", "    const a = g();\n", "    h(a);\n}\n"),
    # Pieces of a line.
    ("java", "class A {\n    void f() {\n        if ", "(a == 0)", " {\n            return;\n        }\n    }\n}\n"),
    ("c", "int f(int a)\n{\n\tif ", "(a < 0 || b(a))", "\n\t\treturn 1;\n\treturn 0;\n}\n"),
    ("javascript", "function f(a) {\n  while ", "(++a < 9)", " {\n    g(a);\n  }\n}\n"),
    ("javascript", "const f = (a) => {\n  a.replace(p, ", "function (m) {\n    g(m);\n  }", ");\n};\n"),
    ("javascript", "function f(a) {\n  a = ", "a === undefined ? 1 : 2", ";\n  return a;\n}\n"),
    ("python", "import sys\n\n", "sys.modules", '["a"] = 1\n'),
    ("python", "def f(x):\n    ", "self.check", "(x)\n"),
    ("python", "import typing\n\n\ndef f(a: ", "typing.Callable", "[[int], bool]) -> None:\n    return a(1)\n"),
    ("python", "def f(a):\n    ", "b = a\n    if b:\n        print(b)", "  # noqa\n\n\ndef g():\n    return 1\n"),
    # Lines of python whose depth is not the deepest there could be.
    ("python", "def f(g):\n    def h():\n        return g()\n", "    return h\n", "\n\ndef k():\n    return 1\n"),
    ("python", "class A:\n    def f(self):\n        return 1\n", "    def g(self):\n        return 2\n", "\n\nx = 1\n"),
    (
        "python",
        "if A:\n    def f():\n        return 1\n\n",
        "    b = 2\n\n    def g():\n        return b\n",
        "\n    c = 3\nelse:\n    c = 4\n",
    ),
]


@pytest.mark.parametrize(("language", "before", "piece", "after"), PIECES)
def test_what_stood_there_stays_as_it_is(language: str, before: str, piece: str, after: str) -> None:
    of = hole(before, after, language)
    fill = take_apart(piece, of)
    assert fill == Fill(piece)
    assert verdict(check(fill, of)) is None


@pytest.mark.parametrize(
    ("language", "before", "reply", "after"),
    [
        (
            "java",
            "class A {\n    void f() {\n",
            "        a = b();\n    }\n    void g() {\n",
            "        c = d;\n    }\n}\n",
        ),
        ("c", "int f(void)\n{\n", "\treturn 1;\n}\n\nint g(void)\n{\n", "\treturn 2;\n}\n"),
        ("go", "package a\n\nfunc f() {\n", "\tg()\n}\n\nfunc h() {\n", "\tk()\n}\n"),
        ("javascript", "function f(a) {\n  while ", "(a) { g(); } if (b)", " {\n    g(a);\n  }\n}\n"),
        ("rust", "fn f() {\n", "    g();\n}\n\nfn h() {\n", "    k();\n}\n"),
        ("python", "class A:\n    def f(self):\n        return 1\n\n", "    def f(self):\n        return 2\n", ""),
    ],
)
def test_what_changes_the_code_around_does_not_fit(language: str, before: str, reply: str, after: str) -> None:
    fill = take_apart(reply, hole(before, after, language))
    assert isinstance(fill, Failure) or fill.code != reply
