"""Replies whose code is broken or not the answer: nothing is cut out of them that happens to fit."""

from __future__ import annotations

import pytest

from maze_tasks.errors import Failure
from maze_tasks.validation import Fill, take_apart
from tests.validation.holes import hole

AFTER = "\n\ndef other(y):\n    if y:\n        return 0\n    return y\n"
BODY = hole('def f(x):\n    """Sum it up."""\n', AFTER)
METHOD = hole("class A:\n    def f(self, x):\n", "\n    def other(self, y):\n        if y:\n            return 0\n")


@pytest.mark.parametrize(
    "reply",
    [
        # The code of the answer is broken; what shows its use is not the answer.
        "```python\ndef f(x):\n    return (x\n```\n\nExample:\n\n```python\nobj = A()\nprint(f(1))\n```",
        "```python\n    return (x\n```\n\nExample:\n\n```python\ny = 1\nz = f(y)\n```",
        "def f(x):\n    return (x\n\n\n# Example usage:\nobj = A()\nprint(obj.f(1))\n",
        # Prose in the middle of the code, which is all or nothing.
        "    x = 1 (\n    y = 2\nThen we go on with it.\n    return x + y\n",
        "    a = b = 1\nThen we call `f(x)` and do this.\n    if a ==:\n        return b\n",
        "def f(x):\n    a = 1\nNow we go on with `a` here.\n    return a + (\n",
        # Too deep, too shallow, or broken off where a parser gives up.
        "def f(x):\n       y = sorted(x) (\n    return y\n",
        "    if not x:\n        return None\n\n    y = max(len(\n    for s in x:\n        return s\n",
        "```diff\n+    y = sorted(x) (\n+    return None if x else y\n```",
        "+    y = {\n+        1: 2,\n+    }\n+    if x ==:\n+        return y\n+    return 1\n",
        # Nothing that does anything.
        "    x\n",
        "    import math\n",
        '    {"note": "no code"}\n',
        "    x + 1\n",
    ],
)
def test_no_part_of_an_answer_is_taken_for_the_whole(reply: str) -> None:
    assert isinstance(take_apart(reply, BODY), Failure)


def test_the_body_of_a_neighbour_is_not_the_answer() -> None:
    reply = "        if x:\n            return 1 (\n\n    def other(self, y):\n        if y:\n            return 0\n"
    assert isinstance(take_apart(reply, METHOD), Failure)
    assert isinstance(take_apart(reply.replace(" (", ""), METHOD), Fill)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("def f(x):\n        y = 1\n    return y\n", "    y = 1\n    return y\n"),
        ("        y = 1\n    return y\n", "    y = 1\n    return y\n"),
        ("First the sum:\n\n    y = x\n\nThen the result:\n\n    return y\n", "    y = x\n\n\n    return y\n"),
        ("```python\nimport math\n```\n\n```python\nreturn math.pi\n```", "    import math\n    return math.pi\n"),
        ('"""\n    return x\n"""', "    return x\n"),
        ("assistant: y: int = 1\nreturn y", "    y: int = 1\n    return y\n"),
    ],
)
def test_what_is_only_laid_out_wrongly_is_put_right(reply: str, code: str) -> None:
    fill = take_apart(reply, BODY)
    assert isinstance(fill, Fill), fill
    assert fill.code == code


def test_the_function_is_not_defined_within_itself_behind_its_imports() -> None:
    of = hole('def f(x):\n    import math\n    """Up."""\n', "")
    fill = take_apart("def f(x):\n    return math.ceil(x)\n", of)
    assert fill == Fill("    return math.ceil(x)\n", (), altered=True)
    fill = take_apart('def f(x):\n    import math\n    """Up."""\n    return math.ceil(x)\n', of)
    assert fill == Fill("    return math.ceil(x)\n", (), altered=True)


def test_a_value_is_a_fill_where_a_value_stands() -> None:
    assert take_apart('{"code": "a"}', hole("x = ", "\n")) == Fill('{"code": "a"}')
    assert take_apart("+a", hole("x = ", "\n")) == Fill("+a")
