"""Recorded data and the Python that programs are run with: what is at hand, and what is said where it is not."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest

from benchmarks.pythons import chosen_python
from benchmarks.rows import SHIPPED, Unusable, rows


def test_rows_are_read_packed_or_not(tmp_path: Path) -> None:
    (tmp_path / "plain.jsonl").write_text('{"a": "\u2028"}\n\n{"a": 2}\n', encoding="utf-8")
    (tmp_path / "packed.jsonl.gz").write_bytes(gzip.compress(b'{"a": 3}\n'))
    assert rows("plain", tmp_path) == [{"a": "\u2028"}, {"a": 2}]
    assert rows("packed", tmp_path) == [{"a": 3}]


@pytest.mark.parametrize(("text", "said"), [("{}\nnot\n", "line 2: not JSON"), ("[]\n", "line 1: not an object")])
def test_a_wrong_line_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(Unusable, match=said):
        rows("a", tmp_path)


def test_all_data_of_the_repository_is_described_and_licensed() -> None:
    page = (SHIPPED / "README.md").read_text()
    for path in SHIPPED.iterdir():
        assert path.name == "README.md" or f"`{path.name}`" in page, path.name


def test_an_environment_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="--venv"):
        chosen_python(tmp_path)


def test_modules_that_a_python_lacks_are_named() -> None:
    assert chosen_python(None).missing(["sys", "no_such_module"]) == ["no_such_module"]


def test_without_a_venv_programs_run_with_this_python_or_the_systems() -> None:
    found = chosen_python(None)
    assert found.program == sys.executable if found.venv else found.program.startswith("/usr/")
