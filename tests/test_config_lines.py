"""Lines of keys in a TOML text."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
