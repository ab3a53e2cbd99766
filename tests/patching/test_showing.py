"""`git apply` of the patch does what `apply_patch` does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import Bench

ISOLATED = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"]}
NAMES = ("a.py", "with space/b c.py", 'quo"te.py', "naïve/漢.py", "tab\t.py")


def git_apply(folder: Path, patch: bytes, *options: str) -> None:
    command = ["git", "apply", "--whitespace=nowarn", *options]
    done = subprocess.run(command, cwd=folder, input=patch, capture_output=True, env=ISOLATED, check=False)
    assert done.returncode == 0, (done.stderr, patch)


def same_as_applied(bench: Bench) -> None:
    before = bench.files()
    patch = b"".join(one.text for one in bench.diffs())
    assert bench.files() == before
    bench.apply()
    applied = bench.files()
    bench.reverse()
    assert bench.files() == before
    if patch:
        git_apply(bench.root, patch)
        assert bench.files() == applied
        git_apply(bench.root, patch, "-R")
    assert bench.files() == before


@pytest.mark.parametrize(
    ("text", "codes", "more"),
    [
        ("HOLE\n", ["x\ny"], {}),
        ("a\nHOLE", ["x\n"], {}),
        ("a\nHOLE\n", [""], {}),
        ("HOLE", [""], {}),
        ("a\r\n  HOLE\r\nb\r\n", ["x\n  y"], {"newline": "\r\n"}),
        ("a\r\nHOLE", ["x\ny"], {"newline": "\r\n"}),
        ("HOLE\nb", ["é"], {"encoding": "utf-8-sig"}),
        ("é\nHOLE\n", ["ü"], {"encoding": "latin-1"}),
        ("é\nHOLE\n", ["漢"], {"encoding": "utf-16"}),
        ("x\r\nHOLE\r\n", ["a\nb"], {"encoding": "utf-16-be", "newline": "\r\n"}),
        ("HOLE\n" + "same\n" * 30 + "HOLE HOLE", ["one", "two\n", "three\n\n"], {}),
    ],
)
def test_git_writes_the_very_bytes(bench: Bench, text: str, codes: list[str], more: dict[str, Any]) -> None:
    bench.add("f", text.encode(more.get("encoding", "utf-8")), *codes, **more)
    same_as_applied(bench)


def test_git_finds_files_of_odd_names(bench: Bench) -> None:
    for name in NAMES:
        bench.add(name, b"a\nHOLE\nb\n", "x")
    same_as_applied(bench)


def test_what_is_refused_is_left_out_and_the_rest_is_shown(bench: Bench) -> None:
    bench.add("a", b"HOLE\n", "x").write_bytes(b"changed")
    bench.add("b", b"HOLE\n", "x")
    first, second = bench.diffs()
    assert (first.text, first.refusal and first.refusal.kind, first.holes) == (b"", "changed", ("a#0",))
    assert second.refusal is None
    git_apply(bench.root, second.text)
    assert bench.files() == {"a": b"changed", "b": b"x\n"}


def test_what_is_applied_already_has_no_patch_any_more(bench: Bench) -> None:
    bench.add("a", b"HOLE\n", "x")
    bench.apply()
    (found,) = bench.diffs()
    assert (found.text, found.refusal) == (b"", None)


def test_showing_keeps_no_journal(bench: Bench) -> None:
    bench.add("a", b"HOLE\n", "x")
    bench.diffs()
    assert not bench.state.exists()


PIECES = st.sampled_from(["HOLE", "\n", "\r\n", "x", "é", "  ", "a\nb\nc\nd\n"])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=14).map("".join), min_size=1, max_size=5), st.data())
def test_git_writes_the_same_for_any_files(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], data: st.DataObject
) -> None:
    bench = Bench(tmp_path_factory.mktemp("bench"))
    for number, text in enumerate(texts):
        encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-16-le"]))
        codes = [data.draw(st.none() | st.text("aé\n ", max_size=6)) for _ in range(text.count("HOLE"))]
        newline = data.draw(st.sampled_from(["\n", "\r\n"]))
        bench.add(f"f{number}", text.encode(encoding), *codes, encoding=encoding, newline=newline)
    same_as_applied(bench)
