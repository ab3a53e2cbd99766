"""``.gitignore`` as git reads it: git itself is asked."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maze_tasks.errors import Refused
from maze_tasks.source.ignoring import globs, ignoring
from maze_tasks.source.tree import Choice, SourceFile, source_files

FOLDERS = ["", "a", "b", "a/b", "a/c", "build", "build/a", "a/b/c", "doc", "doc/b"]
FILES = ["x.py", "y.py", "a.py"]
NAMES = ["a", "b", "c", "build", "*", "**", "x.py", "*.py", "?", "[ab]", "a*", "doc", r"\a", "[!a]", "a**", "**b"]
NAMES += ["*.p?", "[[:alpha:]]", "[a-c]", "[]a]", "[a", "***", "[!a-b]*", r"[\a]", ".."]

patterns = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", "", "!", "#", r"\!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join),
    st.sampled_from(["", "", "/"]),
    st.sampled_from(["", "", "", " ", "\r", r"\ ", "\t"]),
)
rules = st.lists(patterns, min_size=1, max_size=5).map("\n".join)


@pytest.fixture(scope="module", name="checkout")
def _checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    top = tmp_path_factory.mktemp("checkout")
    subprocess.run(["git", "init", "-q", str(top)], check=True)
    for folder in FOLDERS:
        (top / folder).mkdir(exist_ok=True)
        for name in FILES:
            (top / folder / name).write_text("x = 1\n")
    return top


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(files=st.dictionaries(st.sampled_from(FOLDERS), rules, min_size=1, max_size=3), exclude=st.none() | rules)
def test_what_is_read_is_what_git_would_add(checkout: Path, files: dict[str, str], exclude: str | None) -> None:
    for folder in FOLDERS:
        (checkout / folder / ".gitignore").unlink(missing_ok=True)
    for folder, text in files.items():
        (checkout / folder / ".gitignore").write_bytes(text.encode())
    (checkout / ".git" / "info" / "exclude").write_text(exclude or "")
    asked = ["git", "-C", str(checkout), "ls-files", "-o", "--exclude-standard", "-z"]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split("\0")
    read = [seen.path for seen in source_files(checkout, Choice()) if isinstance(seen, SourceFile)]
    assert read == sorted(path for path in listed if path.endswith(".py"))


@pytest.mark.parametrize(
    ("text", "path", "is_folder", "ignored"),
    [
        ("build/", "src/build", True, True),
        ("build/", "src/build", False, False),
        ("/build", "src/build", True, False),
        ("a/b", "a/b", False, True),
        ("a/b", "c/a/b", False, False),
        ("*.py\n!keep.py", "src/keep.py", False, False),
        ("**/x", "x", False, True),
        ("a/**/z", "a/z", False, True),
        ("a/**", "a", True, False),
        ("# x\n\n  \n", "# x", False, False),
        (r"\#x", "#x", False, True),
        (r"\!x", "!x", False, True),
        ("x\\ ", "x ", False, True),
        ("\ufeffx", "x", False, True),
        ("[", "[", False, False),
        ("[[:nonesuch:]]", "a", False, False),
        ("[[:digit:]x]", "7", False, True),
        ("[z-a]", "b", False, False),
        ("b\n!/a", "a/b", True, True),
        ("?.py", "é.py", False, False),  # git matches bytes, and there are two
        ("??.py", "é.py", False, True),
        ("[é]?.py", "é.py", False, True),
        ("é.py", "é.py", False, True),
        ("[[:space:]]", "\xa0", False, False),
    ],
)
def test_patterns(text: str, path: str, is_folder: bool, ignored: bool) -> None:
    found = ignoring("", text.encode())
    assert (found is not None and found.ignores(path, is_folder=is_folder)) is ignored


def test_rules_further_down_overrule_those_above() -> None:
    above = ignoring("", b"*.py\n!main.py\n")
    below = ignoring("sub", b"!x.py\n/main.py\n", above)
    assert below is not None
    ignored = [name for name in ("x.py", "y.py", "main.py") if below.ignores(f"sub/{name}", is_folder=False)]
    assert ignored == ["y.py", "main.py"]


def test_a_file_without_rules_changes_nothing() -> None:
    above = ignoring("", b"x\n")
    assert ignoring("a", b"# nothing\n\n", above) is above


@given(st.text(max_size=30), st.text("ab/[]*?!\\^-: ", max_size=12))
def test_any_pattern_is_read_or_passed_over(path: str, pattern: str) -> None:
    found = ignoring("", pattern.encode())
    assert found is None or found.ignores(path, is_folder=True) in (True, False)


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("src", "src/a/b.py", True),
        ("src/", "src/a/b.py", True),
        ("*.py", "src/a/b.py", True),
        ("/*.py", "src/b.py", False),
        ("src/**/*.py", "src/b.py", True),
        ("src/*.py", "src/a/b.py", False),
        ("b.py/", "src/b.py", False),
    ],
)
def test_a_glob_matches_a_file_or_a_folder_above_it(glob: str, path: str, matches: bool) -> None:
    assert globs([glob]).match(path) is matches


@pytest.mark.parametrize("glob", ["", "[", "# x", "!"])
def test_a_glob_that_can_match_nothing_is_refused(glob: str) -> None:
    with pytest.raises(Refused, match="is no glob"):
        globs([glob])
