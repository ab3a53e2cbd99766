"""What is shown of a definition."""

from __future__ import annotations

import pytest

from maze_tasks.source.definitions import Definition, definitions_of
from maze_tasks.source.outlines import MOST_BYTES, WHOLE_LINES, heading, limited, outline, shown, without_docstring
from maze_tasks.syntax import parse

LONG = "".join(f"    x = {number}\n" for number in range(WHOLE_LINES))
OWNER = f'''\
class Owner(Base):
    """Owns things.

    At length.
    """

    size: int = 0

    def __init__(self, a):
        self.a = a

    @property
    def half(self): return self.size / 2

    def grow(self, by: int) -> None:
        """Grows."""
{LONG.replace("    x", "        x")}
    async def shrink(self):
        pass
        pass
'''


def of(text: str, name: str, language: str = "python") -> tuple[Definition, list[Definition]]:
    found = definitions_of(parse(language, text.encode()))
    return next(one for one in found if one.name == name), found


def show(text: str, name: str, language: str = "python") -> str:
    one, found = of(text, name, language)
    return shown(text.encode(), language, one, found)


def test_a_short_function_is_shown_whole_and_moved_to_the_left() -> None:
    text = "class A:\n    x: int\n    # Two.\n    @cached\n    def f(self):\r\n        return 2\n"
    assert show(text, "f") == "# Two.\n@cached\ndef f(self):\n    return 2"


def test_of_a_long_function_the_signature_and_what_it_says_first_remain() -> None:
    text = f'def f(\n    a: int,\n) -> int:\n    """Does it.\n\n    At length.\n    """\n{LONG}'
    assert show(text, "f") == 'def f(\n    a: int,\n) -> int:\n    """Does it."""\n    ...'
    assert show(f"def f():\n{LONG}", "f") == "def f():\n    ..."


def test_of_a_function_that_is_long_by_its_description_the_code_remains() -> None:
    text = f'def f():\n    r"""Does it.\n\n{LONG}    """\n    return 1\n'
    assert show(text, "f") == 'def f():\n    """Does it."""\n    return 1'


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("rust", "/// Does it.\npub fn f(a: u8) -> u8 {\n" + "    a;\n" * 30 + "}\n", "pub fn f(a: u8) -> u8 { ... }"),
        ("go", "// Does it.\nfunc (t *T) f() {\n" + "\ta()\n" * 30 + "}\n", "func (t *T) f() { ... }"),
        ("typescript", "// Does it.\nexport const f = (a: A) => {\n" + "  a();\n" * 30 + "};\n", "{ ... }"),
    ],
)
def test_functions_of_other_languages_keep_the_comment_above_them(language: str, text: str, expected: str) -> None:
    found = show(text, "f", language)
    assert "Does it." in found
    assert found.endswith(expected)


def test_of_a_type_the_bodies_of_longer_functions_are_left_out_and_what_makes_an_object_is_kept() -> None:
    assert (
        show(OWNER, "Owner")
        == '''\
class Owner(Base):
    """Owns things."""

    size: int = 0

    def __init__(self, a):
        self.a = a

    @property
    def half(self): return self.size / 2

    def grow(self, by: int) -> None:
        ...

    async def shrink(self):
        ...'''
    )


def test_of_a_long_maker_the_attributes_remain() -> None:
    fields = "        self.a: int = a\n        if a == 1:\n            self.b = self.a\n"
    text = f"class A:\n    def __init__(self, a):\n{fields}{LONG.replace('    x', '        x')}"
    assert show(text, "A") == (
        "class A:\n    def __init__(self, a):\n        self.a: int = a\n        self.b = self.a\n        ..."
    )


def test_around_a_hole_the_description_is_whole_if_there_is_room_and_the_hole_is_not_shown() -> None:
    one, found = of(OWNER, "Owner")
    text = outline(OWNER.encode(), "python", one, found, hole=OWNER.index("self.size / 2"))
    assert "At length." in text
    assert "def half(self): ...\n" in text
    long = OWNER.replace("At length.", "At length. " * MOST_BYTES)
    one, found = of(long, "Owner")
    assert "At length." not in outline(long.encode(), "python", one, found, hole=long.index("self.a = a"))


def test_types_of_other_languages_are_outlined_too() -> None:
    text = "class C {\n  int x;\n  int f() { return 1; }\n  int g() {\n    return 2;\n  }\n}\n"
    assert show(text, "C", "java") == "class C {\n  int x;\n  int f() { return 1; }\n  int g() { ... }\n}"


def test_what_is_too_long_is_cut_at_a_line_end() -> None:
    text = show("x = [\n" + "    'entry',\n" * 1000 + "]\n", "x")
    assert len(text) <= MOST_BYTES + 4
    assert text.endswith("    'entry',\n...")
    assert limited("é" * 10, 5) == "éé\n..."


def test_a_heading_is_one_line_of_declaration() -> None:
    one, _ = of("@dec\ndef f(\n    a: int,  # how many\n    *,\n    b=1,\n) -> int:\n    return 1\n", "f")
    assert heading(b"@dec\ndef f(\n    a: int,  # how many\n    *,\n    b=1,\n) -> int:\n    return 1\n", one) == (
        "def f(a: int, *, b=1) -> int"
    )


@pytest.mark.parametrize("quotes", ['"""', "'''", '"', "'"])
def test_code_is_told_from_the_docstring_ahead_of_it(quotes: str) -> None:
    text = f"def f():\n    {quotes}Does g().{quotes}\n    return h()\n"
    one, _ = of(text, "f")
    assert one.body is not None
    assert without_docstring(text.encode(), "python", one.body).split() == [b"return", b"h()"]
    assert without_docstring(b"{ h() }", "rust", (0, 7)) == b"{ h() }"
