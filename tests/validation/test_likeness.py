"""Fills that say the same share a key, and no others do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maze_tasks.validation import likeness

SAME = [
    ("python", "    total = 0\n    return total\n", "    s = 0  # sum\n    return s\n"),
    ("python", "    return 'a'\n", '    return "a"\n'),
    ("python", "    return (a + b)\n", "    return a + b\n"),
    ("python", "    return [x for x in xs if x]\n", "    return [item for item in xs if item]\n"),
    (
        "python",
        "    for i, v in enumerate(a):\n        print(i, v)\n",
        "  for j, w in enumerate(a):\n    print(j, w)\n",
    ),
    ("python", '    """What it does."""\n    return 1\n', "    return 1\n"),
    ("python", "    return f(a,\n        b,)\n", "    return f(a, b)\n"),
    ("python", "with open(p) as f:\n        return f.read()\n", "with open(p) as g:\n        return g.read()\n"),
    ("rust", "    a + b // sum\n", "    (a + b)\n"),
    ("go", "\treturn a+b\n", "    return a + b\n"),
    ("typescript", "return 'a';", 'return "a"'),
    ("java", "return a + b;", "return  a  +  b ;"),
    ("c", "return a+b;", "/* sum */ return a + b;"),
    ("cpp", "return a+b;", "return (a + b);"),
    ("zig", "return a + b;", "return a+b; // sum"),
    (None, "a  b", "a\nb"),
    ("python", "broken ( ( x", "broken((x"),
]
OTHER = [
    ("python", "    return a - b\n", "    return b - a\n"),
    ("python", "    return a + b\n", "    return a - b\n"),
    ("python", "    x = 1\n    y = 2\n    return x\n", "    x = 1\n    y = 2\n    return y\n"),
    ("python", "    return 'a'\n", "    return 'b'\n"),
    ("python", "    return 'a'\n", "    return b'a'\n"),
    ("python", "    return a.x\n", "    return a.y\n"),
    ("python", "    x = 1\n    return a.x\n", "    y = 1\n    return a.y\n"),
    ("python", "    x = 1\n    return f(x=x)\n", "    y = 1\n    return f(y=y)\n"),
    ("python", "    global x\n    x = 1\n", "    global y\n    y = 1\n"),
    ("python", "    return a, b\n", "    return [a, b]\n"),
    ("python", "    if a:\n        b()\n    c()\n", "    if a:\n        b()\n        c()\n"),
    ("python", "    return not a\n", "    return a\n"),
    ("python", "    return a and b\n", "    return a or b\n"),
    ("python", "    return (a + b) * c\n", "    return a + b * c\n"),
    ("rust", "a + b", "a - b"),
    ("go", "return a", "return b"),
    ("c", "return a << 1;", "return a >> 1;"),
    (None, "a b", "b a"),
]


@pytest.mark.parametrize(("language", "one", "two"), SAME)
def test_what_differs_in_form_alone_is_alike(language: str | None, one: str, two: str) -> None:
    assert likeness(one, language) == likeness(two, language)


@pytest.mark.parametrize(("language", "one", "two"), OTHER)
def test_what_says_something_else_is_not(language: str | None, one: str, two: str) -> None:
    assert likeness(one, language) != likeness(two, language)


def test_a_fill_behind_the_white_space_of_its_first_line_is_like_one_with_it() -> None:
    assert likeness("x = 1\n    return x\n", "python", "    ") == likeness(
        "    x = 1\n    return x\n", "python", "    "
    )


def test_deep_nesting_and_bytes_that_are_no_text_have_a_key() -> None:
    assert len(likeness("    return " + "(" * 3000 + "1" + ")" * 3000, "python")) == 64
    assert likeness("\udc80", None) != likeness("\udc81x", None)


def test_canonical_bodies_are_alike_only_to_themselves() -> None:
    path = Path(__file__).parents[2] / "examples" / "humaneval" / "answers.jsonl"
    bodies = [json.loads(line)["code"] for line in path.read_text().splitlines()]
    assert len({likeness(body, "python") for body in bodies}) == len(set(bodies)) > 10
