"""Patches, held by the real ``git apply``."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maze_tasks.source.unified import quoted, unified_diff

ODD_NAMES = (
    "plain.py",
    "with space.py",
    " leading and trailing ",
    'quo"te.py',
    "back\\slash.py",
    "tab\tand\nline.py",
    "naïve/漢字.py",
    "folder with space/a b.py",
    "naïve with space.py",
    "-dash.py",
    "b/a/b.py",
    "dev/null",
    "\x01\x7f",
    "'single'.py",
)
ISOLATED = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"]}


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> None:
    done = subprocess.run(["git", *arguments], cwd=folder, input=stdin, capture_output=True, env=ISOLATED, check=False)
    assert done.returncode == 0, (done.stderr.decode(), stdin)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "-q")
    return folder


def holds(repository: Path, changes: dict[bytes, tuple[bytes, bytes]]) -> None:
    """One patch of all changes makes the new files of the old ones, and the old ones again with ``-R``."""
    root = os.fsencode(repository)
    for name, (old, _) in changes.items():
        path = Path(os.fsdecode(root + b"/" + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(old)
    text = b"".join(unified_diff(name, old, new) for name, (old, new) in changes.items())
    if not text:
        return
    for which, options in ((1, ()), (0, ("-R",))):
        git(repository, "apply", "--whitespace=nowarn", *options, stdin=text)
        for name, versions in changes.items():
            assert Path(os.fsdecode(root + b"/" + name)).read_bytes() == versions[which]


lines = st.lists(
    st.sampled_from([b"a", b"b", b"", b"  c", b"\xe9\xff", b"-- ", b"@@ -1 +1 @@", b"d\r", b"\x0c"]), max_size=30
)
contents = st.builds(lambda rows, end: b"\n".join(rows) + end, lines, st.sampled_from([b"", b"\n", b"\r\n", b"\0\n"]))
versions = st.tuples(contents, contents) | contents.flatmap(
    lambda old: st.tuples(st.just(old), st.integers(0, len(old)).map(lambda at: old[:at] + b"new\n" + old[at:]))
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(versions, min_size=1, max_size=12))
def test_git_makes_the_new_version_of_the_old_one_and_back(repository: Path, pairs: list[tuple[bytes, bytes]]) -> None:
    holds(repository, {b"f%d" % number: pair for number, pair in enumerate(pairs)})


def test_git_finds_files_of_odd_names(repository: Path) -> None:
    holds(repository, {os.fsencode(name): (b"a\nb\n", b"a\nc\n") for name in ODD_NAMES})
    holds(repository, {b"not-utf8-\xff.py": (b"a", b"b"), b"binary \xc3\xa4": (b"\0", b"\1\0")})


def test_names_are_quoted_as_git_quotes_them(repository: Path) -> None:
    for name in ODD_NAMES:
        path = repository / "names" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    git(repository, "add", "names")
    listed = subprocess.run(["git", "ls-files", "names"], cwd=repository, capture_output=True, env=ISOLATED, check=True)
    assert sorted(listed.stdout.splitlines()) == sorted(quoted(os.fsencode(f"names/{name}")) for name in ODD_NAMES)


def test_what_git_itself_says_of_a_change_is_what_we_say(repository: Path) -> None:
    old = b"".join(b"line %d\n" % number for number in range(40)) + b"end"
    new = old.replace(b"line 3\n", b"").replace(b"line 11\n", b"eleven\nand more\n").replace(b"end", b"end\n")
    for name, data in ((b"old", old), (b"new", new)):
        (repository / os.fsdecode(name)).write_bytes(data)
    shown = subprocess.run(
        ["git", "diff", "--no-index", "--full-index", "old", "new"],
        cwd=repository,
        capture_output=True,
        env=ISOLATED,
        check=False,
    ).stdout
    theirs, ours = (text.split(b"\n") for text in (shown, unified_diff(b"f", old, new)))
    assert [line.split(b" @@")[0] for line in theirs[4:]] == [line.split(b" @@")[0] for line in ours[4:]]
    assert theirs[1].removesuffix(b" 100644") == ours[1]


def test_an_old_version_that_moved_on_is_found_by_its_id(repository: Path) -> None:
    old, new = b"a\nb\nc\n", b"a\nB\nc\n"
    (repository / "moved").write_bytes(old)
    git(repository, "add", "moved")
    text = unified_diff(b"moved", old, new)
    moved = b"0\n1\n2\n3\n4\n" + old
    (repository / "moved").write_bytes(moved)
    git(repository, "add", "moved")
    git(repository, "apply", "--3way", stdin=text)
    assert (repository / "moved").read_bytes() == moved.replace(b"b", b"B")


def test_equal_versions_have_no_patch() -> None:
    assert unified_diff(b"f", b"a\n", b"a\n") == b""


def test_a_long_file_with_changes_at_both_ends_is_no_burden(repository: Path) -> None:
    old = b"".join(b"    x = %d\n    }\n\n" % (number % 500) for number in range(8000))
    holds(repository, {b"long.c": (old, b"first\n" + old.replace(b"x = 7\n", b"seven\n") + b"last")})
