"""Patterns that a fill must match, and those that would run away."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.validation import patterns
from maze_tasks.validation.patterns import MAX_PATTERN_CHARS, matches

RUNAWAYS = [r"(a+)+b", r"(a|aa)+$", r"(?=(a+)+b)", r"(a{1,1000}){1,1000}b"]


@pytest.fixture(params=["with regex", "without regex"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The engine that can be stopped, and python's own."""
    patterns._compiled.cache_clear()
    if request.param == "with regex":
        pytest.importorskip("regex")
    else:
        monkeypatch.setattr(patterns, "_engine", lambda: None)
    return str(request.param)


@pytest.fixture(autouse=True)
def forget() -> object:
    """What was compiled with one engine is nothing to the other."""
    yield
    patterns._compiled.cache_clear()


@pytest.mark.parametrize(
    ("pattern", "text", "flags", "found"),
    [
        ("b", "abc", "", True),
        ("^b", "abc", "", False),
        ("^abc$", "  abc\n", "", True),
        ("^  abc", "  abc\n", "", True),
        ("ABC", "abc", "i", True),
        ("^b$", "a\nb\nc", "m", True),
        ("a.b", "a\nb", "s", True),
        ("a  b", "ab", "VERBOSE", True),
        ("a.b", "a\nb", "ignore_case|dot_all", True),
        ("abc", "abc", "gu", True),
        (r"(?<name>a)b", "ab", "", True),
    ],
)
def test_a_pattern_is_searched_for(engine: str, pattern: str, text: str, flags: str, found: bool) -> None:
    assert matches(pattern, text, flags) == ("match" if found else "no match", "")


@pytest.mark.parametrize("pattern", RUNAWAYS)
def test_a_pattern_that_runs_away_is_not_judged(engine: str, pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "MATCH_BUDGET_S", 0.02)
    answer, why = matches(pattern, "a" * 4000 + "!")
    assert (answer, bool(why)) == ("not judged", True)


@pytest.mark.parametrize(
    "pattern", ["(", "a" * (MAX_PATTERN_CHARS + 1), "a{999999999}", "(?:a{1000}){1000}", "(" * 900]
)
def test_a_pattern_that_cannot_be_read_is_not_judged(engine: str, pattern: str) -> None:
    assert matches(pattern, "a")[0] == "not judged"


def test_python_s_own_engine_is_asked_where_the_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "_engine", lambda: None)
    assert matches(r"a+b", "aab" * 10) == ("match", "")
    assert matches(r"a+b+c+d+", "x" * 10_000)[0] == "not judged"
    assert matches(r"a?b\?", "b?") == ("match", "")


def test_the_engine_that_can_be_stopped_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(patterns, "import_module", missing)
    patterns._engine.cache_clear()
    assert matches("b", "abc") == ("match", "")
    patterns._engine.cache_clear()


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=8))
def test_any_pattern_is_answered(pattern: str, text: str, flags: str) -> None:
    assert matches(pattern, text, flags)[0] in ("match", "no match", "not judged")


@given(st.text(alphabet="abc.*+?[]", max_size=6), st.text(alphabet="abc", max_size=6))
def test_what_both_engines_read_they_answer_alike(pattern: str, text: str) -> None:
    try:
        wanted = re.search(pattern, text) is not None
    except (re.error, FutureWarning):
        return
    answer, _ = matches(pattern, text)
    assert answer in ("not judged", "match" if wanted else "no match")
