"""Trees, their errors, and the budget."""

from __future__ import annotations

import subprocess
import sys
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.errors import Refused
from maze_tasks.syntax import LANGUAGES, ParseBudgetSpent, SyntaxProblem, errors_in, parse, walk

GOOD = {
    "python": b"def f(a: int) -> int:\n    return a\n",
    "rust": b"fn f(a: u8) -> u8 { a }\n",
    "go": b"package p\nfunc f(a int) int { return a }\n",
    "typescript": b"function f(a: number): number { return a }\n",
    "tsx": b"const a = <b>{c as d}</b>;\n",
    "javascript": b"const a = <b>{() => 1}</b>;\n",
    "java": b"class A { int f(int a) { return a; } }\n",
    "c": b"int f(int a) { return a; }\n",
    "cpp": b"template <class T> T f(T a) { return a; }\n",
    "zig": b"fn f(a: u8) u8 { return a; }\n",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_parses_its_own_code(language: str) -> None:
    tree = parse(language, GOOD[language])
    assert errors_in(tree) == []
    assert tree.text(tree.root) == GOOD[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_missing_or_wrong_is_found(language: str) -> None:
    assert errors_in(parse(language, GOOD[language] + b"\n)((\n"))


def test_an_error_says_where_it_is_in_code_points() -> None:
    assert errors_in(parse("python", "x = 1\nf('äö', ?)\n".encode()))[0] == SyntaxProblem(16, 17, 2, 9)


def test_something_missing_has_no_width() -> None:
    (problem,) = errors_in(parse("c", b"int a\n"))
    assert problem.start == problem.end == 5


def test_errors_are_counted_to_a_limit() -> None:
    assert len(errors_in(parse("python", b"x = 1\n?? = =\n" * 500))) <= 100


def test_nodes_come_in_the_order_of_the_text_however_deep() -> None:
    nodes = walk(parse("python", b"x = " + b"[" * 5000 + b"]" * 5000).root)
    starts = [node.start_byte for node in nodes]
    assert len(starts) > 10_000
    assert starts == sorted(starts)


def test_a_walk_stays_below_its_node() -> None:
    tree = parse("python", b"f(1)\ng(2)\n")
    first = tree.root.children[0]
    assert next(tree.text(node) for node in walk(first)) == b"f(1)"
    assert max(node.end_byte for node in walk(first)) == 4


def test_a_text_that_would_take_too_long_is_given_up_before() -> None:
    ticks = count()
    with pytest.raises(ParseBudgetSpent, match="not parsed as python within 5 s"):
        parse("python", b"x = 1\n" * 100_000, budget_s=5, clock=lambda: next(ticks))


def test_a_short_text_is_parsed_whatever_the_clock_says() -> None:
    ticks = count(0, 1000)
    assert errors_in(parse("python", b"x = 1\n" * 10_000, budget_s=5, clock=lambda: next(ticks))) == []


def test_a_long_text_has_one_tree() -> None:
    data = b"def f():\n    return 1\n" * 20_000
    tree = parse("python", data)
    assert (tree.root.end_byte, tree.root.child_count) == (len(data), 20_000)


def test_parsing_keeps_nothing_of_a_text() -> None:
    data = bytes(b"x = 1\n" * 20_000)
    before = sys.getrefcount(data)
    for _ in range(3):
        parse("python", data)
    assert sys.getrefcount(data) == before


def test_an_unknown_language_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="no grammar for 'cobol'; there are: python, "):
        parse("cobol", b"")


def test_a_missing_grammar_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['tree_sitter_zig'] = None\n"
        "from maze_tasks.syntax import parse\n"
        "parse('python', b'')\n"
        "try: parse('zig', b'')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Refused reading zig needs its grammar: pip install 'maze-tasks[code]'\n"


def test_without_the_extra_the_languages_are_still_known_by_name() -> None:
    code = (
        "import sys; sys.modules['tree_sitter'] = None\n"
        "from maze_tasks.syntax import language_of, parse\n"
        "print(language_of('a.py'))\n"
        "try: parse('python', b'')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "python\nRefused reading python needs its grammar: pip install 'maze-tasks[code]'\n"


@given(st.sampled_from(LANGUAGES), st.binary(max_size=300))
def test_any_bytes_have_a_tree(language: str, data: bytes) -> None:
    tree = parse(language, data)
    assert all(0 <= node.start_byte <= node.end_byte <= len(data) for node in walk(tree.root))
    for problem in errors_in(tree):
        assert 0 <= problem.start <= problem.end <= len(data)
        assert data[: problem.start].count(b"\n") == problem.line - 1
