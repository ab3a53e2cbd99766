"""Replies as models give them, and the code that is taken out of them."""

from __future__ import annotations

import pytest

from maze_tasks.errors import Failure
from maze_tasks.models import Hole, read_hole
from maze_tasks.validation import MAX_FILL_CHARS, Fill, normal, take_apart
from tests.validation.holes import hole

BODY = hole("import os\n\ndef f(x):\n    ", "\n\n\ndef g():\n    return f(1)\n")
LINES = hole('def f(x):\n    """Doc."""\n', "\ndef g():\n    return f(1)\n")
VALUE = hole("def f(a, b):\n    return ", "\n")
FACTOR = hole("def f(a, b):\n    return 2 * ", " + 1\n")
MIDDLE = hole("def f(a):\n    b = a + 1\n", "    return c\n")
METHOD = hole("class A:\n    def f(self):\n", "\n    def h(self):\n        return 3\n")
MEMBER = hole("class A:\n    def f(self):\n        return 1\n\n", "\n    def h(self):\n        return 3\n")


def code_of(reply: str, of: Hole) -> str:
    fill = take_apart(reply, of)
    assert isinstance(fill, Fill), fill
    return fill.code


def why_not(reply: str, of: Hole) -> str:
    failure = take_apart(reply, of)
    assert isinstance(failure, Failure), failure
    assert failure.kind == "unusable"
    return failure.message


@pytest.mark.parametrize(
    ("of", "reply"),
    [
        (BODY, "return x"),
        (BODY, "y = 1\n    return y"),
        (BODY, "def inner():\n        return x\n    return inner()"),
        (BODY, "pass"),  # a mark of a hole, but it fits: the checks tell
        (LINES, "    return x\n"),
        (LINES, "\n    # why\n    return x\n\n"),
        (LINES, "    return x"),
        (LINES, "    import re\n    return re.escape(x)\n"),
        (LINES, '    return """\nx\n"""\n'),
        (VALUE, "a + b"),
        (VALUE, "a, b"),
        (VALUE, "(\n        a\n        + b\n    )"),
        (MIDDLE, "    c = b * 2\n"),
        (MIDDLE, "    if a:\n        c = 1\n    else:\n        c = 2\n"),
        (MEMBER, "    def g(self):\n        return 2\n"),
        (hole("x = ", "\n"), "foo(1)"),
        (hole("def f():\n\treturn 1\n\n\ndef g():\n", ""), "\tif 1:\n\t\treturn 2\n\treturn 3\n"),
        (hole("async def f():\n", ""), "    async with a as b:\n        return await b\n"),
        (hole('s = """', '"""\n'), "any ``` words at all"),
    ],
)
def test_what_fits_as_it_is_stays_as_it_is(of: Hole, reply: str) -> None:
    assert take_apart(reply, of) == Fill(reply, (), altered=False)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("    return x", "return x"),
        ("def f(x):\n    return x", "return x"),
        ("```python\nreturn x\n```", "return x"),
        ("    y = 1\n    return y", "y = 1\n    return y"),
        ("y = 1\nreturn y", "y = 1\n    return y"),
        ("def other(y):\n    return y\n\nprint(other(3))", "return y"),
        ("return x\n\ndef test_f():\n    assert f(1)\n", "return x"),
        ("def f(x):\n  for y in x:\n    return y", "for y in x:\n      return y"),
        ("def f(x): return x", "return x"),
        ("lines = []\n\nreturn lines\n\nif __name__ == '__main__':\n    f(1)", "lines = []\n\n    return lines"),
        ("<code>\nreturn x\n</code>", "return x"),
        ("if x &lt; 1 &amp;&amp; y:\n    return x", None),
        ("if x &lt; 1:\n    return x", "if x < 1:\n        return x"),
        ("1. First, we look at x.\n2. Then:\n\n    return x\n\nNote: x is an int.", "return x"),
    ],
)
def test_a_body_is_taken_out_of_what_is_around_it(reply: str, code: str | None) -> None:
    if code is None:
        why_not(reply, BODY)
    else:
        assert code_of(reply, BODY) == code


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("return x", "    return x\n"),
        ("y = 1\n    return y", "    y = 1\n    return y\n"),
        ("for y in x:\n        a(y)\n    return y", "    for y in x:\n        a(y)\n    return y\n"),
        ("        return x\n", "    return x\n"),
        ("\tif x:\n\t\treturn x\n", "    if x:\n        return x\n"),
        ('def f(x):\n    """Doc again."""\n    return x\n', "    return x\n"),
        ('def f(x):\n    t = """\na\n  b"""\n    return t\n', '    t = """\na\n  b"""\n    return t\n'),
        ("    return 1\n\n\ndef g():\n    return 2\n\n\nx = g(", "    return 1\n"),
        ("return [\n        x,\n    ]", "    return [\n        x,\n    ]\n"),
        ("return [\n  x,\n]", "    return [\n      x,\n    ]\n"),
    ],
)
def test_lines_come_to_stand_where_the_hole_is(reply: str, code: str) -> None:
    assert code_of(reply, LINES) == code


@pytest.mark.parametrize(
    ("of", "reply", "code"),
    [
        (VALUE, "`a + b`", "a + b"),
        (VALUE, "The answer is `a + b`.", "a + b"),
        (VALUE, "return a + b", "a + b"),
        (VALUE, "a + b;", "a + b"),
        (VALUE, "def f(a, b):\n    return a + b\n", "a + b"),
        (VALUE, "a if b else\n  c", "(a if b else\n  c)"),
        (FACTOR, "a + b", "(a + b)"),
        (FACTOR, "return 2 * a + 1", "a"),
        (hole("x = ", "\ny = 2\n"), "x = foo(1)", "foo(1)"),
        (hole("x = ", "\ny = 2\n"), "x = foo(1)\ny = 2\n", "foo(1)"),
        (MIDDLE, "c = b * 2", "    c = b * 2\n"),
        (MIDDLE, "def f(a):\n    b = a + 1\n    c = b * 2\n    return c\n", "    c = b * 2\n"),
        (MIDDLE, "```\nb = a + 1\nc = b * 2\nreturn c\n```", "    c = b * 2\n"),
        (MEMBER, "def g(self):\n    return 2\n", "    def g(self):\n        return 2\n"),
        (
            METHOD,
            "class A:\n    def h(self):\n        return 3\n\n    def f(self):\n        return 2\n",
            "        return 2\n",
        ),
        (METHOD, "@property\ndef f(self):\n    return 2\n", "        return 2\n"),
    ],
)
def test_what_repeats_the_code_around_is_left_out(of: Hole, reply: str, code: str) -> None:
    assert code_of(reply, of) == code


def test_of_several_definitions_the_one_of_the_hole_is_taken() -> None:
    of = hole("class B:\n    def f(self, x):\n", "")
    reply = "class A:\n    def f(self, x):\n        return 'a'\n\nclass B:\n    def f(self, x):\n        return 'b'\n"
    assert code_of(reply, of) == "        return 'b'\n"


def test_of_several_blocks_the_one_with_the_definition_is_taken() -> None:
    reply = "Use it so:\n```python\nprint(f(1))\n```\nThe code:\n```python\ndef f(x):\n    return x\n```\n"
    assert code_of(reply, LINES) == "    return x\n"


def test_a_block_that_is_but_the_hole_again_is_passed_over() -> None:
    reply = "You have:\n```python\ndef f(x):\n    pass\n```\nMake it:\n```python\ndef f(x):\n    return x\n```\n"
    assert code_of(reply, LINES) == "    return x\n"


def test_code_in_thoughts_is_not_the_answer() -> None:
    reply = "<think>\n```python\ndef f(x):\n    return 0\n```\n</think>\n```python\ndef f(x):\n    return x\n```"
    assert code_of(reply, LINES) == "    return x\n"


def test_imports_that_the_body_needs_stand_at_its_top() -> None:
    ahead = "import math\nimport os\nimport sys\nfrom typing import List\n\n"
    reply = f"{ahead}def f(x: List[int]):\n    return math.pi + os.x\n"
    assert take_apart(reply, BODY) == Fill(
        "import math\n    return math.pi + os.x", ("import math",), altered=True
    )  # os is there, sys and List are not used


def test_imports_ahead_of_a_bare_body_stand_at_its_top() -> None:
    fill = take_apart("import re\nimport json\n\n    return re.escape(json.dumps(x))\n", LINES)
    code = "    import re\n    import json\n    return re.escape(json.dumps(x))\n"
    assert fill == Fill(code, ("import re", "import json"), altered=True)


def test_helpers_that_the_body_needs_stand_within_it() -> None:
    helpers = "import re\n\nK = 3\n\ndef part(a):\n    return re.sub(K, a)\n\ndef unused(): pass\n\n"
    reply = f"{helpers}def f(x):\n    return part(x)\n"
    assert code_of(reply, LINES) == (
        "    import re\n    K = 3\n    def part(a):\n        return re.sub(K, a)\n    return part(x)\n"
    )


def test_a_star_import_cannot_stand_in_a_body() -> None:
    fill = take_apart("from typing import *\ndef f(x: Any):\n    return cast(x)", BODY)
    assert fill == Fill("return cast(x)", ("from typing import *",), altered=True)


def test_an_import_cannot_stand_in_an_expression() -> None:
    fill = take_apart("import re\nx = re.compile('a')", hole("x = ", "\n"))
    assert isinstance(fill, Fill)
    assert fill.code == "re.compile('a')"


@pytest.mark.parametrize(
    ("of", "reply", "word"),
    [
        (LINES, "I cannot do this.", "not valid python"),
        (LINES, "    return (x", "python"),
        (LINES, "```python\n    pass\n```", "mark of a hole"),
        (LINES, "def f(x):\n    raise NotImplementedError\n", "mark of a hole"),
        (LINES, "# nothing\n", "no code"),
        (LINES, 'def f(x):\n    """Doc."""\n', "fit"),
        (MIDDLE, "b = a + 1\nreturn c\n", "outside"),
        (LINES, "x\n" * 5000 + "(", "python"),
        (METHOD, "class A:\n    def f(self):\n        return self._k()\n    def _k(self):\n        return 2\n", "`_k`"),
        (VALUE, "x = 3", "not valid python"),
        (VALUE, "a; b", "not valid python"),
        (LINES, "    return \ud800", "Unicode"),
    ],
)
def test_what_holds_no_fill_is_refused_with_a_reason(of: Hole, reply: str, word: str) -> None:
    assert word in why_not(reply, of)


def test_lines_joined_without_end_come_to_an_end() -> None:
    joined = "x = 1" + "\\\n" * 600
    for reply in (joined, f"```\n{joined}\n```"):
        assert isinstance(take_apart(reply, LINES), Fill | Failure)


def test_only_so_many_readings_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    reply = "Sure! Here it is:\n\n    return x\n"
    assert code_of(reply, LINES) == "    return x\n"
    monkeypatch.setattr(normal, "_LEAST_TRIES", 1)
    monkeypatch.setattr(normal, "_MOST_TRIES", 1)
    why_not(reply, LINES)


def test_a_file_of_mixed_line_ends_asks_for_none() -> None:
    of = hole("a = 1\r\nb = 2\n\n\ndef f(x):\n    'Doc.'\n", "")
    assert take_apart("    y = 1\r\n    return y\r\n", of) == Fill("    y = 1\r\n    return y\r\n")
    assert code_of("```\n    return x\n```", of) == "    return x\n"


def test_nothing_and_too_much_are_refused_by_name() -> None:
    assert take_apart(" \n\t", LINES) == Failure("empty", "the reply holds no code")
    failure = take_apart("x" * (MAX_FILL_CHARS + 1), LINES)
    assert isinstance(failure, Failure)
    assert failure.kind == "too_large"


@pytest.mark.parametrize(
    ("newline", "reply", "code"),
    [
        ("\n", "    y = 1\r\n    return y\r\n", "    y = 1\n    return y\n"),
        ("\r\n", "    y = 1\n    return y\n", "    y = 1\r\n    return y\r\n"),
        ("\r\n", "    return x\n", "    return x\r\n"),
        ("\r\n", "```\n    return x\n```", "    return x\r\n"),
    ],
)
def test_lines_end_as_those_of_the_file(newline: str, reply: str, code: str) -> None:
    of = hole(f"def f(x):{newline}    'Doc.'{newline}", f"{newline}K = 1{newline}")
    assert code_of(reply, of) == code


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("```\na\n```", "a\n"),
        ("text\n```py\na\n```\nmore", "a\n"),
        ("~~~~\n```\na\n```\n~~~~", "a\n"),
        ("plain text", "plain text"),
        ("<think>no</think> plain", "<think>no</think> plain"),
        ("```\na", "a"),
    ],
)
@pytest.mark.parametrize(
    "of", [hole(None, None, None), hole("fun f() {\n", "}\n", "kotlin")], ids=["nothing", "kotlin"]
)
def test_where_nothing_can_be_fitted_only_fences_go(of: Hole, reply: str, code: str) -> None:
    assert code_of(reply, of) == code


def test_a_fence_belongs_to_a_text_that_is_prose() -> None:
    of = hole("# Title\n", "", "markdown")
    text = "Call it:\n```\nf(1)\n```\nDone.\n"
    assert take_apart(text, of) == Fill(text)
    assert code_of("```markdown\nWords.\n```", of) == "Words.\n"


def test_with_a_language_alone_the_piece_that_parses_is_taken() -> None:
    of = hole(None, None, "python")
    assert take_apart("    return 1\n", of) == Fill("    return 1\n")
    assert code_of("Here it is:\n\nreturn 1\n", of).strip() == "return 1"
    assert code_of("```python\nreturn 1\n```", of) == "return 1\n"
    assert code_of("what is this", of) == "what is this"


def test_tabs_become_spaces_where_the_file_indents_by_spaces_and_nothing_else_changes() -> None:
    tabbed = "\tif a:\n\t\treturn 1\n\treturn 2\n"
    for white, expected in (("    ", "    if a:\n        return 1\n    return 2\n"), ("\t", tabbed)):
        line = {"language": "python", "prefix": f"def f(a):\n{white}pass\n\n\ndef g(a):\n", "suffix": ""}
        assert take_apart(tabbed, read_hole({"hole_id": 1} | line)) == Fill(expected, altered=white != "\t")
    text = '\treturn """\n\ta\n"""\n'
    line = {"language": "python", "prefix": "def f(a):\n    pass\n\n\ndef g(a):\n", "suffix": ""}
    assert take_apart(text, read_hole({"hole_id": 1} | line)) == Fill(text), "the tab within the text is part of it"
