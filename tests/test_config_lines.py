"""Lines of keys in a TOML text."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.config.json_lines import json_lines, json_spots
from maze_tasks.config.toml_lines import KeyPath, line_of, toml_lines

TEXT = '''\
# comment with [brackets] and key = "value"
top = 1
"quoted key" = 2  # comment

[[endpoints]]
name = "a"
text = """
name = "not a key"
[not.a.header]
"""
raw = \'\'\'
other = 1
\'\'\'
list = [
  1, # with a comment ]
  "]",
  [2, 3],
]
extra_body.deep.er = 1

[endpoints.extra_headers_env]
"X-Team" = "TEAM"

[[endpoints]] # the second
inline = { name = "b", list = [1, 2] }
last = 'its'
[simulate."a.b"]
seed = 3
[[simulate."a.b".errors]]
kind = 500
[[simulate."a.b".errors]]
kind = 503'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("quoted key",), 3),
        (("endpoints",), None),
        (("endpoints", 0), 5),
        (("endpoints", 0, "name"), 6),
        (("endpoints", 0, "text"), 7),
        (("endpoints", 0, "raw"), 11),
        (("endpoints", 0, "list"), 14),
        (("endpoints", 0, "list", 1), 14),
        (("endpoints", 0, "extra_body", "deep", "er"), 19),
        (("endpoints", 0, "extra_headers_env", "X-Team"), 22),
        (("endpoints", 0, "missing"), 5),
        (("endpoints", 1), 24),
        (("endpoints", 1, "name"), 24),
        (("endpoints", 1, "inline", "name"), 25),
        (("endpoints", 1, "last"), 26),
        (("simulate", "a.b", "seed"), 28),
        (("simulate", "a.b", "errors", 1, "kind"), 32),
        (("unheard of",), None),
        ((), None),
    ],
)
def test_the_line_is_that_of_the_key_or_of_the_table_it_belongs_to(path: KeyPath, line: int | None) -> None:
    assert line_of(toml_lines(TEXT), path) == line


def test_line_endings_of_windows_count_once() -> None:
    assert toml_lines("a = 1\r\n\r\n[t]\r\nb = 2\r\n") == {("a",): 1, ("t",): 3, ("t", "b"): 4}


def test_keys_inside_of_strings_and_lists_are_not_taken_for_keys() -> None:
    keys = {path[-1] for path in toml_lines(TEXT)}
    assert keys.isdisjoint({"other", "not", "header"})


KEYS = st.text("ab_-", min_size=1, max_size=3)
VALUES = st.sampled_from(["1", '"x = 1"', "'[y]'", '"""\nz = 1\n"""', "[1,\n 2]", "{ q = 1 }", '"\\"#"', "[ # c\n]"])


@settings(deadline=None)
@given(
    top=st.dictionaries(KEYS, VALUES, max_size=4),
    tables=st.lists(st.dictionaries(KEYS, VALUES, max_size=4), max_size=4),
    blank=st.sampled_from(["", "\n", "  # [x]\n", "\t\r\n"]),
)
def test_every_key_of_any_text_has_the_line_where_it_was_written(
    top: dict[str, str], tables: list[dict[str, str]], blank: str
) -> None:
    text, written = "", {}
    for prefix, table in [((), top), *((("t t", index), table) for index, table in enumerate(tables))]:
        if prefix:
            text += f"{blank}[['t t']]\n"
        for key, value in table.items():
            text += blank
            written[(*prefix, key)] = text.count("\n") + 1
            text += f"{key} = {value}\n"
    tomllib.loads(text)
    found = toml_lines(text)
    assert {path: found.get(path) for path in written} == written


@settings(deadline=None)
@given(st.text(alphabet="ab[]{}\"'=#\n\\ ", max_size=60))
def test_no_text_makes_it_fail(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + 1 for line in toml_lines(text).values())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON, st.sampled_from([None, 0, 1]))
def test_every_value_of_any_json_has_the_line_where_it_was_written(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    found = {spot.path: spot for spot in json_spots(text)}
    expected = dict(values_in(value, ()))
    assert found.keys() == expected.keys()
    assert [spot.line for spot in found.values()] == sorted(spot.line for spot in found.values())
    for path, inner in expected.items():
        line = text.split("\n")[found[path].line - 1]
        key = path[-1]
        assert line.count(json.dumps(key)) if isinstance(key, str) else line.strip()
        if not isinstance(inner, dict | list):
            assert json.loads(found[path].scalar or "") == inner
    assert json_lines(text) == {path: spot.line for path, spot in found.items()}


def values_in(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key), inner
        yield from values_in(inner, (*path, key))


@settings(deadline=None)
@given(st.text(alphabet='ab[]{}":,\n\\ 1', max_size=60))
def test_no_text_makes_json_fail(text: str) -> None:
    assert all(1 <= spot.line <= text.count("\n") + 1 for spot in json_spots(text))
