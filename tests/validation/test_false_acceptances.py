"""Fills that would break the file they are put into: read in it as the scanner found it, they are rejected."""

# ruff: noqa: E501 - replies in one line each
from __future__ import annotations

from pathlib import Path

import pytest

from maze_tasks.errors import Failure
from maze_tasks.models import Hole
from maze_tasks.source.illuminated import scan_with_context
from maze_tasks.source.tree import Choice, Summary
from maze_tasks.validation import check, take_apart, verdict
from tests.validation.holes import scanned

PYTHON = "import os\n\n\ndef total(items):\n    raise NotImplementedError\n\n\ndef after(xs):\n    return 1\n"
GO = 'package main\n\nimport "fmt"\n\nfunc Add(a, b int) int {\n\tpanic("TODO")\n}\n\nfunc o() { fmt.Println() }\n'
JAVA = 'import java.util.*;\n\nclass G {\n    int add(int a, int b) {\n        throw new RuntimeException("TODO");\n    }\n}\n'
SCRIPT = (
    "import { x } from './x';\n\nexport function add(a: number, b: number): number {\n  throw new Error('TODO');\n}\n"
)
RUST = "fn add(a: i32, b: i32) -> i32 {\n    todo!()\n}\n"
C = "int add(int a, int b) {\n    assert(0);\n}\n"
HOLES = {
    "python": scanned(PYTHON),
    "go": scanned(GO, "a.go", "go"),
    "java": scanned(JAVA, "G.java", "java"),
    "typescript": scanned(SCRIPT, "a.ts", "typescript"),
    "rust": scanned(RUST, "a.rs", "rust"),
    "c": scanned(C, "a.c", "c"),
}


def rejected(reply: str, of: Hole) -> str | None:
    """The kind of error of a reply, or None where it is a fill."""
    fill = take_apart(reply, of)
    failure = fill if isinstance(fill, Failure) else verdict(check(fill, of))
    return failure.kind if failure is not None else None


@pytest.mark.parametrize(
    ("language", "reply", "kind"),
    [
        # Another signature, whose parameters the body uses.
        ("python", "def total(items, start=0):\n    return sum(items, start)\n", "unusable"),
        ("python", "def total(xs):\n    return sum(xs)\n", "unusable"),
        ("python", "total = lambda items: sum(items)\n", "unusable"),
        ("go", "func Add(a, b, c int) int {\n\treturn a + b + c\n}\n", "unusable"),
        ("typescript", "function add(x: number, y: number): number {\n  return x + y;\n}", "unusable"),
        ("typescript", "async function add(a: number, b: number) {\n  return await f(a);\n}\n", "syntax"),
        ("typescript", "yield a;\n", "syntax"),
        ("rust", "f(a).await\n", "syntax"),
        # A variable with the name of a parameter.
        ("typescript", "let a = 1;\n  return a;\n", "syntax"),
        ("typescript", "const [a, c] = f();\n  return c;\n", "syntax"),
        ("java", "int a = 1;\n        return a;\n", "syntax"),
        ("go", "a := 1\n\treturn a\n", "syntax"),
        ("go", "var a int\n\treturn a\n", "syntax"),
        ("c", "int a = 1;\n    return a;\n", "syntax"),
        # Names and imports that are not there.
        ("python", "    return numpy.sum(items)\n", "names"),
        ("python", "from math import *\n\ndef total(items):\n    return fsum(items)\n", "names"),
        ("go", 'import "errors"\n\nfunc Add(a, b int) int {\n\treturn len(errors.New("x").Error())\n}\n', "imports"),
        ("java", "import java.io.File;\nclass G {\n    int add(int a, int b) {\n        return new File(\"a\").hashCode();\n    }\n}\n", "imports"),
        ("typescript", "import { y } from 'y';\nexport function add(a: number, b: number): number {\n  return y(a);\n}", "imports"),
        # Nothing that does anything, or something that opens what it does not close.
        ("python", '    """Sum the items."""\n', "unusable"),
        ("python", '    "your code here"\n', "unusable"),
        ("c", "return a;\n#endif\n", "syntax"),
        ("c", "#if 1\nreturn a;\n", "unusable"),
        # A change of another place.
        ("python", "--- a/x.py\n+++ b/x.py\n@@ -8,3 +8,3 @@\n def after(xs):\n-    return 1\n+    return 2\n", "unusable"),
    ],
)  # fmt: skip
def test_a_fill_that_breaks_the_file_is_rejected(language: str, reply: str, kind: str) -> None:
    assert rejected(reply, HOLES[language]) == kind


@pytest.mark.parametrize(
    ("language", "reply"),
    [
        ("python", "def total(items, start=0):\n    return sum(items)\n"),
        ("python", "def total(items, result=None):\n    result = []\n    return result\n"),
        ("python", "    total: List[int] = []\n    return total\n"),
        ("python", "    try:\n        return unicode(items)\n    except NameError:\n        return str(items)\n"),
        ("python", "    if items:\n        import math\n        return math.fsum(items)\n    return 0\n"),
        ("python", "<<<<<<< SEARCH\n    raise NotImplementedError\n=======\n    return sum(items)\n>>>>>>> REPLACE\n"),
        ("java", "import java.util.List;\nclass G {\n    int add(int a, int b) {\n        return List.of(a, b).size();\n    }\n}\n"),
        ("typescript", "export async function add(a: number, b: number): Promise<number> {\n  return a + b;\n}\n"),
        ("typescript", "const f = async () => await g(a);\n  return 1;\n"),
        ("typescript", "var a = 1;\n  return a;\n"),
        ("typescript", "const c = (a: number) => a + b;\n  return c(a);\n"),
        ("typescript", "if (b) {\n    const a = 1;\n    return a;\n  }\n  return a;\n"),
        ("java", "int c = a;\n        return c;\n"),
        ("go", "a, c := 1, 2\n\treturn a + c\n"),
        ("go", "c := a\n\treturn c\n"),
        ("rust", "let a = a + 1;\n    a\n"),
        ("c", "int c = a, d[2] = {a, b};\n    return c + d[0];\n"),
        ("python", "`return sum(items)`"),
        ("rust", "let f = async { g(a).await }; 1\n"),
        ("c", "#if 1\n    return a;\n#else\n    return b;\n#endif\n"),
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_kept(language: str, reply: str) -> None:
    assert rejected(reply, HOLES[language]) is None


@pytest.mark.parametrize(
    ("wanted", "body", "kind"),
    [
        ("int", "    return 'x'\n", "type"),
        ("int", "    return\n", "type"),
        ("int", "    x = 1\n", "type"),
        ("int", "    yield 1\n", "type"),
        ("int", "    return [1]\n", "type"),
        ("int", "    g = lambda: 1\n    print(g)\n", "type"),
        ("int", "    return None\n", "type"),
        ("int", "    if items:\n        return None\n    return len(items)\n", None),
        ("int", "    if not items:\n        return\n    return len(items)\n", None),
        ("int", "    return True\n", None),
        ("float", "    return 1\n", None),
        ("int | None", "    if items:\n        return None\n    return 1\n", None),
        ("Optional[int]", "    print(items)\n", None),
        ("None", "    print(items)\n", None),
        ("int", "    raise ValueError(items)\n", None),
        ("int", "    while True:\n        items()\n", None),
        ("int", "    def g():\n        return 'x'\n    return len(g())\n", None),
        ("Iterator[int]", "    yield 1\n", None),
        ("str", "    return items and 'x'\n", None),
    ],
)
def test_a_body_gives_back_what_its_function_promises(wanted: str, body: str, kind: str | None) -> None:
    assert rejected(body, scanned(f"def f(items) -> {wanted}:\n    raise NotImplementedError\n")) == kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("    import nosuch\n    return nosuch.f(items)\n", "imports"),
        ("    from .nosuch import f\n    return f(items)\n", "imports"),
        ("    import requests, yaml, shop.cart\n    return yaml\n", None),
        ("    from .cart import f\n    return f(items)\n", None),
        ("    try:\n        import nosuch\n    except ImportError:\n        return 1\n    return nosuch\n", None),
    ],
)
def test_a_module_is_one_of_python_or_of_the_tree(tmp_path: Path, body: str, kind: str | None) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "a.py").write_text("def f(items):\n    raise NotImplementedError\n")
    (tmp_path / "shop" / "cart.py").write_text("import requests as r\n")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'a'\ndependencies = ['PyYAML>=6']\n")
    (of,) = scan_with_context(tmp_path, Choice(), Summary())
    assert rejected(body, of) == kind
