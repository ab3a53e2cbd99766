"""A file taken apart: what of its definitions is asked for at a place is found without looking at all of them."""

from __future__ import annotations

import pytest

from maze_tasks.source.apart import NEAR, Source, source_of
from maze_tasks.source.definitions import Definition

PYTHON = """import os

# above
class A:
    x = 1

    class B:
        def f(self):
            pass
        def g(self): return 1

    def h(self): pass


def top():
    def inner(): pass
    return inner
Y = 2
def last(): pass"""
TEXTS = [
    ("python", PYTHON),
    ("rust", "mod m { struct S; impl S { fn f() { g() } fn g() {} } }\nfn h() {}\nconst X: u8 = 1;"),
    ("java", "class A { int x; class B { void f() {} } void g() { } }\nenum E { A }"),
    ("cpp", "namespace n { struct S { int f() { return 1; } }; int g() { return 2; } }\nint h();"),
]


def taken_apart(language: str, text: str) -> Source:
    source = source_of("a", text.encode(), language)
    assert source is not None
    return source


@pytest.mark.parametrize(("language", "text"), TEXTS)
def test_what_is_around_a_place_is_what_holds_it(language: str, text: str) -> None:
    source = taken_apart(language, text)
    assert any(one.scope for one in source.definitions)
    for start in range(len(text.encode()) + 1):
        for end in (start, start + 5):
            holding = [one for one in source.definitions if one.kind != "import" and one.holds(start)]
            assert source.around(start, end) == [one for one in holding if one.end >= end]


@pytest.mark.parametrize(("language", "text"), TEXTS)
def test_what_is_within_a_definition_begins_in_it(language: str, text: str) -> None:
    source = taken_apart(language, text)
    for outer in source.definitions:
        expected = [one for one in source.definitions if outer.start <= one.start < outer.end]
        assert list(source.within(outer)) == expected


def names(found: list[Definition]) -> list[str]:
    return [one.name for one in found]


def test_of_a_large_scope_the_nearest_definitions_are_looked_at() -> None:
    text = "class A:\n    x = 1\n" + "".join(f"def f{number}(): pass\n" for number in range(1000))
    source = taken_apart("python", text)
    assert names(list(source.of_scope(("A",), 0))) == ["x"]
    assert source.of_scope(("B",), 0) == ()
    middle = list(source.of_scope((), text.index("def f500")))
    assert len(middle) == NEAR
    assert names(middle) == [f"f{number}" for number in range(500 - NEAR // 2, 500 + NEAR // 2)]
    assert names(list(source.of_scope((), 0)))[:2] == ["A", "f0"]
    assert names(list(source.of_scope((), len(text))))[-1] == "f999"
