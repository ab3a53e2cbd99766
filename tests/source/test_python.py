"""Holes of Python code."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import kombu
import pytest

from maze_tasks.source.scanner import scan

from .conftest import Scan

BODIES = [
    "raise NotImplementedError",
    "raise NotImplementedError('later')",
    "raise NotImplementedError('later') from None",
    "...",
    "pass",
    "pass  # noqa",
    "pass; pass",
]


@pytest.mark.parametrize("body", BODIES)
def test_a_marker_that_is_a_whole_body_is_a_hole_of_whole_lines(seen: Scan, body: str) -> None:
    (hole,) = seen("python", f"def f(x):\n    {body}\n\nx = 1\n")
    assert hole.short == ("body", "macro", f"    {body}\n")
    assert hole.place.indent == "    "
    assert hole.filled("    return x\n") == "def f(x):\n    return x\n\nx = 1\n"


@pytest.mark.parametrize("quotes", ['"""', "'''", '"', 'r"""'])
def test_the_docstring_stays_outside(seen: Scan, quotes: str) -> None:
    end = quotes.lstrip("r")
    (hole,) = seen("python", f"def f():\n    {quotes}Say it.{end}\n    # so\n    pass\n")
    assert hole.cut == "    pass\n"
    assert hole.place.docstring == "Say it."
    assert hole.hole.prefix == f"def f():\n    {quotes}Say it.{end}\n    # so\n"


def test_a_marker_over_several_lines_is_replaced_whole(seen: Scan) -> None:
    (hole,) = seen(
        "python", "class A:\n    def f(self):\n        raise NotImplementedError(\n            'x',\n        )\n"
    )
    assert hole.cut == "        raise NotImplementedError(\n            'x',\n        )\n"
    assert (hole.place.scope, hole.place.indent) == (("A", "f"), "        ")


def test_a_body_in_the_line_of_its_signature_is_replaced_from_the_colon_on(seen: Scan) -> None:
    (hole,) = seen("python", "class A:\n  def f(self): ...  # noqa\n  x = 1\n")
    assert hole.cut == " ...  # noqa"
    assert hole.place.indent == "    "
    assert hole.filled("\n    return 1") == "class A:\n  def f(self):\n    return 1\n  x = 1\n"


def test_a_hole_at_the_end_of_a_file_without_a_line_end(seen: Scan) -> None:
    (hole,) = seen("python", "def f():\n    pass")
    assert (hole.cut, hole.hole.suffix) == ("    pass", "")


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    f()\nexcept E:\n    pass\n",
        "if x:\n    pass\nelse:\n    raise NotImplementedError\n",
        "class A:\n    pass\n",
        "class A(B): ...\n",
        "x: Callable[..., int] = ...\n",
        "def f(x=...): return x[..., 0]\n",
        "def f(x):\n    if x:\n        return 1\n    raise NotImplementedError\n",
        "def f(x):\n    try:\n        g()\n    except E:\n        pass\n    return 1\n",
        "def f():\n    return NotImplemented\n",
        "def f():\n    raise ValueError('NotImplementedError')\n",
        "def f():\n    raise errors.NotImplementedError\n",
        "def f():\n    raise ValueError from NotImplementedError\n",
        "def f():\n    '''pass'''\n",
        "def f():\n    x = 'raise NotImplementedError'  # pass\n",
        "s = '''\ndef f():\n    pass\n'''\n",
        "@abstractmethod\ndef f(self):\n    pass\n",
        "class A:\n    @abc.abstractmethod\n    def f(self):\n        'doc'\n        raise NotImplementedError\n",
        "class A:\n    @property\n    @abc.abstractproperty\n    def f(self): ...\n",
        "@typing.overload\ndef f(x: int) -> int: ...\n",
        "@overload\nasync def f(x: int) -> int: ...\n",
        "class P(Protocol):\n    def f(self) -> int: ...\n",
        "class P(A, typing.Protocol[T]):\n    def f(self) -> int:\n        pass\n",
        "class I(zope.interface.Interface):\n    def f():\n        pass\n",
        "if TYPE_CHECKING:\n    def f(): ...\n",
        "if sys.version_info >= (3, 11) and typing.TYPE_CHECKING:\n    class A:\n        def f(self): ...\n",
        "# a HOLE in the ozone layer\nx = '# HOLE'\n",
        "x = 'a = # HOLE'\ny = \"f(# HOLE\"\n",
    ],
)
def test_what_only_looks_like_a_hole_is_none(seen: Scan, text: str) -> None:
    assert seen("python", text) == []


@pytest.mark.parametrize(
    "text",
    [
        "class P(Protocol):\n    def f(self):\n        def g():\n            pass\n        return g\n",
        "class A(ProtocolBase):\n    def f(self):\n        pass\n",
        "if TYPE_CHECKING:\n    x = 1\nelse:\n    def f(): pass\n",
        "if not TYPE_CHECKING:\n    def f(): pass\n",
        "@cache\ndef f():\n    pass\n",
        "class A(ABC):\n    def f(self):\n        pass\n",
    ],
)
def test_functions_that_should_have_a_body_are_holes(seen: Scan, text: str) -> None:
    assert [hole.place.kind for hole in seen("python", text)] == ["body"]


def test_stub_files_have_no_holes_but_explicit_ones(seen: Scan) -> None:
    text = "def f() -> int: ...\nclass A:\n    def g(self) -> int: ...\n"
    assert seen("python", text, path="a.pyi") == []
    assert len(seen("python", text + "# HOLE: a class\n", path="a.pyi")) == 1


def test_a_hole_comment_stands_for_the_body_it_is_the_only_line_of(seen: Scan) -> None:
    text = "class A:\n    def f(self) -> int:\n        '''Doc.'''\n        # HOLE: don't loop\n    x = 1\n"
    (hole,) = seen("python", text)
    assert hole.short == ("body", "macro", "        # HOLE: don't loop\n")
    assert (hole.place.scope, hole.state.expected_type) == (("A", "f"), "int")
    assert hole.state.constraints == ("don't loop",)


def test_a_hole_comment_and_the_marker_beside_it_are_one_hole(seen: Scan) -> None:
    (above,) = seen("python", "def f():\n    # HOLE: type=int\n    pass\n")
    (behind,) = seen("python", "def f():\n    pass  # HOLE: type=int\n")
    assert above.cut == "    # HOLE: type=int\n    pass\n"
    assert behind.cut == "    pass  # HOLE: type=int\n"
    assert {above.state.expected_type, behind.state.expected_type} == {"int"}
    assert above.place.marker == behind.place.marker == "pass"


@pytest.mark.parametrize(
    ("text", "short", "expected_type"),
    [
        ("x: int = # HOLE\n", ("expression", "nano", "# HOLE"), "int"),
        ("x: int = 'a' + # HOLE: don't\n", ("expression", "nano", "# HOLE: don't"), None),
        ("if x:\n    f()\n    # HOLE\n", ("comment", "micro", "    # HOLE\n"), None),
        ("def f() -> str:\n    y = 1\n    return <<< HOLE >>>\n", ("expression", "nano", "<<< HOLE >>>"), "str"),
        ("x = f(<<< HOLE: type=int >>>, 2)\n", ("expression", "nano", "<<< HOLE: type=int >>>"), "int"),
        ("x = [\n    # HOLE: items\n]\n", ("expression", "nano", "# HOLE: items"), None),
        ("x = 1\n# HOLE: a class\ny = 2\n", ("comment", "macro", "# HOLE: a class\n"), None),
        ("def f():\n    x = 1\n    # HOLE\n    return x\n", ("comment", "micro", "    # HOLE\n"), None),
        ("def f():\n    x = 1\n    <<< HOLE >>>\n    return x\n", ("statement", "micro", "    <<< HOLE >>>\n"), None),
        ("for x in y:\n    # HOLE\n", ("statement", "meso", "    # HOLE\n"), None),
        (
            "def f():\n    x = 1\n    return 1  # HOLE: x\n",
            ("statement", "micro", "    return 1  # HOLE: x\n"),
            None,
        ),
        ("try:\n    f()\nexcept E:\n    pass  # HOLE\n", ("statement", "meso", "    pass  # HOLE\n"), None),
        ("x = {\n    1: 2,\n    # HOLE: more\n    3: 4,\n}\n", ("comment", "macro", "    # HOLE: more\n"), None),
        ("class A:\n    # HOLE: a method\n", ("comment", "macro", "    # HOLE: a method\n"), None),
        ("if x:  # HOLE\n    f()\n", ("comment", "micro", "# HOLE"), None),
        ("class A:\n    # HOLE: a method\n    x = 1\n", ("comment", "macro", "    # HOLE: a method\n"), None),
    ],
)
def test_hole_comments_elsewhere(seen: Scan, text: str, short: tuple[str, str, str], expected_type: str | None) -> None:
    (hole,) = seen("python", text)
    assert hole.short == short
    assert hole.state.expected_type == expected_type


def test_a_hole_comment_that_would_break_the_code_around_hides_no_other_hole(seen: Scan) -> None:
    text = "x = (1\n     # HOLE\n     + 2)\ndef f():\n    pass\n"
    assert [hole.place.marker for hole in seen("python", text)] == ["HOLE", "pass"]


def test_todo_comments_are_holes_when_asked_for(seen: Scan) -> None:
    text = dedent(
        """\
        def f():
            # TODO(me): add up
            return 1


        def g():
            # FIXME: count
            pass

        x = "TODO"  # not a TODO
        """
    )
    assert [hole.cut for hole in seen("python", text)] == ["    pass\n"]
    asked = seen("python", text, todo=True)
    assert [hole.short for hole in asked] == [
        ("comment", "micro", "    # TODO(me): add up\n"),
        ("body", "macro", "    # FIXME: count\n    pass\n"),
    ]
    assert asked[0].state.constraints == ("add up",)


def test_real_code_has_the_holes_that_pythons_own_parser_sees() -> None:
    root = Path(kombu.__file__).parent
    for path in sorted(root.rglob("*.py")):
        data = path.read_bytes()
        found = {hole.place.line for hole in scan(path.name, data, "python") if hole.place is not None}
        assert found == set(_stub_lines(ast.parse(data))), path


def _stub_lines(tree: ast.Module) -> list[int]:
    """Lines of the markers of functions that consist of one; kombu has no protocols with bodies like that."""
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
            abstract = any(ast.unparse(decorator).endswith("abstractmethod") for decorator in node.decorator_list)
            if len(body) == 1 and not abstract and _is_marker(body[0]):
                lines.append(body[0].lineno)
    return lines


def _is_marker(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Raise) and statement.exc is not None:
        return ast.unparse(statement.exc).startswith("NotImplementedError")
    return isinstance(statement, ast.Pass) or ast.unparse(statement) == "..."
