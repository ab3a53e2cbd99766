"""Holes as a scan finds them: windows of a file, the file itself, line ends, encodings."""

from __future__ import annotations

import pytest

from maze_tasks.models import Hole
from maze_tasks.source.scanner import scan
from maze_tasks.validation import Fill, check, take_apart, verdict
from tests.validation.holes import hole, scanned

MANY = "".join(
    f"    def m{n}(self):\n        '''Number {n}.\n\n        More.\n        '''\n        return {n}\n\n"
    for n in range(600)
)
LARGE = f"import os\n\n\nclass Big:\n{MANY}    def last(self, x):\n        raise NotImplementedError\n\n{MANY}"
BODY = "        if x:\n            return os.sep\n        return x\n"
WHOLE = "def last(self, x):\n    if x:\n        return os.sep\n    return x\n"

BRACES = "".join(f"  m{n}(x) {{\n    return `{n} {{`;\n  }}\n\n" for n in range(900))
LARGE_SCRIPT = f"class Big {{\n{BRACES}  last(x) {{\n    throw new Error('TODO');\n  }}\n\n{BRACES}}}\n"


@pytest.mark.parametrize("with_file", [False, True])
@pytest.mark.parametrize(
    "reply",
    [BODY, f"```python\n{BODY}```", f"```python\n{WHOLE}```", WHOLE, BODY.strip(), BODY.replace("        ", "", 1)],
)
def test_a_hole_in_a_window_of_a_large_file_takes_what_one_in_the_file_does(reply: str, with_file: bool) -> None:
    of = scanned(LARGE)
    file_text = LARGE if with_file else None
    assert of.prefix is not None
    assert len(of.prefix) < len(LARGE) / 2
    fill = take_apart(reply, of, file_text)
    assert isinstance(fill, Fill)
    assert fill.code == BODY
    assert check(fill, of, file_text=file_text) == ()


@pytest.mark.parametrize("with_file", [False, True])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("        return x\n\n    def more(self):\n        return 1\n", "surroundings"),
        ("    return x\n", "surroundings"),
        ("        return (x\n", "syntax"),
        ("        print 'x'\n", "syntax"),
    ],
)
def test_a_window_shows_what_breaks_the_file(code: str, kind: str, with_file: bool) -> None:
    of = scanned(LARGE)
    failure = verdict(check(Fill(code), of, file_text=LARGE if with_file else None))
    assert failure is not None
    assert failure.kind == kind


def test_a_finding_in_a_window_has_its_line_in_the_file() -> None:
    of = scanned(LARGE)
    assert of.place is not None
    for file_text in (None, LARGE):
        (found,) = check(Fill("        y = 1\n        return y  # TODO\n"), of, file_text=file_text)
        assert (found.path, found.file_line) == ("a.py", of.place.line + 1)


@pytest.mark.parametrize("with_file", [False, True])
@pytest.mark.parametrize(
    "reply",
    [
        "    return x + 1;\n",
        "last(x) {\n  return x + 1;\n}\n",
        "```js\nlast(x) {\n  return x + 1;\n}\n```",
        "    return x + 1;\n  }\n\n  more() {\n",
    ],
)
def test_a_window_of_braces_is_read_from_the_definition_on(reply: str, with_file: bool) -> None:
    of = scanned(LARGE_SCRIPT, "a.js", "javascript")
    file_text = LARGE_SCRIPT if with_file else None
    fill = take_apart(reply, of, file_text)
    assert isinstance(fill, Fill)
    assert fill.code == "    return x + 1;\n"
    assert verdict(check(fill, of, file_text=file_text)) is None
    failure = verdict(check(Fill("    return x;\n  }\n  more() {\n"), of, file_text=file_text))
    assert failure is not None
    assert failure.kind == "surroundings"


def lost(text: str, path: str, language: str, before: str, after: str) -> Hole:
    """The hole of a file of which only a window is known that does not parse."""
    of = scanned(text, path, language)
    assert of.place is not None
    place = of.place.model_copy(update={"start": 90_000, "end": 90_010})
    return of.model_copy(update={"place": place, "prefix": before, "suffix": after})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('b = "\nint ((c) ) {\n', '} ) ]\n "'),
        ('"\nint x(( {\n', ') ] "\n'),
        ("((((\n", "\n"),
        (") (\n    } else if (x) {\n", "    }\n} ( ]\n"),
    ],
)
def test_a_window_that_does_not_parse_is_judged_by_its_brackets_and_fences(before: str, after: str) -> None:
    of = lost("int f(void)\n{\n    assert(0);\n}\n", "a.c", "c", before, after)
    assert take_apart("    return 1;\n", of) == Fill("    return 1;\n")
    assert take_apart("```c\n    return 1;\n```", of) == Fill("    return 1;\n", altered=True)
    for code in ("    return 1;\n}\n", "    if (a) {\n", "```\na;\n```\n"):
        assert verdict(check(Fill(code), of)) is not None


def test_a_window_of_python_that_does_not_parse_is_judged_by_its_indentation() -> None:
    of = lost("def f(x):\n    raise NotImplementedError\n", "a.py", "python", "t'''\n  of (\n  [\n", "\n\nx = '''\n")
    assert take_apart("    return x\n", of) == Fill("    return x\n")
    assert take_apart("```\nreturn x\n```", of) == Fill("    return x\n", altered=True)
    for code in ("return x\n", "    if x:\n  return x\n", "        return x\n"):
        assert verdict(check(Fill(code), of)) is not None
    within = of.model_copy(update={"prefix": "t'''\n  of (\n  [\n    "})
    assert take_apart("return x", within) == Fill("return x")


def test_a_window_that_begins_within_a_string_is_read_from_the_first_definition_on() -> None:
    of = scanned(LARGE)
    assert of.prefix is not None
    cut = of.prefix.index("More.")
    of = of.model_copy(update={"prefix": of.prefix[cut:]})
    assert take_apart(f"```\n{WHOLE}```", of) == Fill(BODY, altered=True)
    assert verdict(check(Fill("    return x\n"), of)) is not None


def test_a_window_of_c_is_read_from_the_lines_that_lead_to_the_body() -> None:
    functions = "".join(f'int f{n}(int a)\n{{\n    return "{{"[{n}];\n}}\n\n' for n in range(900))
    text = f"namespace a {{\n{functions}static int\nlast(int a)\n{{\n    assert(0);\n}}\n\n{functions}}}\n"
    of = scanned(text, "a.cpp", "cpp")
    fill = take_apart("static int\nlast(int a)\n{\n    return a;\n}\n", of)
    assert fill == Fill("    return a;\n", altered=True)


def test_a_window_that_only_seems_to_parse_is_judged_by_its_brackets() -> None:
    text = f"class Big {{\n  constructor ({{\n    a,\n  }}) {{\n    throw new Error('TODO');\n  }}\n{BRACES}}}\n"
    of = scanned(text, "a.js", "javascript")
    assert of.prefix is not None
    assert of.place is not None
    place = of.place.model_copy(update={"start": of.place.start + 90_000})
    of = of.model_copy(update={"prefix": of.prefix.partition("\n")[2], "place": place})
    assert take_apart("    this.a = a\n    this.b = a\n", of) == Fill("    this.a = a\n    this.b = a\n")


def test_an_encoding_that_is_not_known_is_no_fault() -> None:
    of = scanned("def f(x):\n    raise NotImplementedError\n")
    assert of.place is not None
    strange = of.model_copy(update={"place": of.place.model_copy(update={"encoding": "no-such-encoding"})})
    assert check(Fill("    return x\n"), strange, file_text="x") == ()
    narrow = of.model_copy(update={"place": of.place.model_copy(update={"encoding": "ascii"})})
    assert check(Fill("    return x\n"), narrow, file_text="ä") == ()


def test_the_path_tells_the_language() -> None:
    of = hole("const a = <div>", "</div>;\n", None).model_copy(update={"path": "src/a.tsx"})
    assert verdict(check(Fill("<b>{x}</b>"), of)) is None
    assert verdict(check(Fill("<b>{x}"), of)) is not None
    named = of.model_copy(update={"language": "typescript"})
    assert verdict(check(Fill("<b>{x}</b>"), named)) is None


def test_another_file_than_the_one_that_was_scanned_is_not_used() -> None:
    of = scanned("def f(x):\n    raise NotImplementedError\n")
    assert check(Fill("    return x\n"), of, file_text="something else (") == ()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_fill_has_the_file_s_line_ends(newline: str) -> None:
    text = f"import os{newline}{newline}{newline}def f(x):{newline}    raise NotImplementedError{newline}"
    of = scanned(text)
    for reply in ("    y = x\n    return y\n", "    y = x\r\n    return y\r\n", "```\ny = x\nreturn y\n```"):
        fill = take_apart(reply, of, text)
        assert isinstance(fill, Fill)
        assert fill.code == f"    y = x{newline}    return y{newline}"
        assert check(fill, of, file_text=text) == ()


def in_bytes(data: bytes) -> tuple[Hole, str]:
    (of,) = scan("a.py", data, "python")
    assert of.place is not None
    return of, data.decode(of.place.encoding)


def test_offsets_are_those_of_the_file_s_encoding() -> None:
    of, text = in_bytes(
        "# coding: latin-1\nK = 'äöü'\n\n\ndef f(x):\n    raise NotImplementedError\n".encode("latin-1")
    )
    for file_text in (None, text):
        assert take_apart("    return K\n", of, file_text) == Fill("    return K\n")
        assert check(Fill("    return K\n"), of, file_text=file_text) == ()
        assert verdict(check(Fill("    return (K\n"), of, file_text=file_text)) is not None


def test_a_byte_order_mark_is_no_fault() -> None:
    of, text = in_bytes("\ufeffdef f(x):\n    raise NotImplementedError\n".encode())
    for file_text in (None, text):
        assert check(Fill("    return x\n"), of, file_text=file_text) == ()
        assert verdict(check(Fill("    1 = x\n"), of, file_text=file_text)) is not None


@pytest.mark.parametrize(
    ("text", "reply", "code"),
    [
        ("def f(x): pass\n", "return x", " return x"),
        ("def f(x): pass\n", "y = x\nreturn y", "\n    y = x\n    return y"),
        (
            "class A:\n    def f(self): ...\n",
            "```\ndef f(self):\n    y = 1\n    return y\n```",
            "\n        y = 1\n        return y",
        ),
        ("x = foo(...)  # HOLE\n", "1", None),
    ],
)
def test_a_body_in_the_line_of_its_function_begins_a_line_if_it_has_several(
    text: str, reply: str, code: str | None
) -> None:
    holes = list(scan("a.py", text.encode(), "python"))
    for of in holes:
        fill = take_apart(reply, of, text)
        assert isinstance(fill, Fill)
        assert code is None or fill.code in (code, reply)
        assert verdict(check(fill, of, file_text=text)) is None
