"""Recorded answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from maze_tasks.errors import ConfigError, InputError
from maze_tasks.simulate.answers import Answers, load_answers
from maze_tasks.simulate.settings import SimulatedEndpoint


def load(folder: Path, rows: list[Any], **settings: Any) -> Answers:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "answers.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_answers(SimulatedEndpoint(answers="answers.jsonl", **settings), folder, "fast")


def test_without_a_file_there_are_no_answers(tmp_path: Path) -> None:
    assert load_answers(SimulatedEndpoint(), tmp_path, "fast") == {}


def test_answers_are_found_by_hole_id_as_text(tmp_path: Path) -> None:
    answers = load(tmp_path, [{"hole_id": 2**64 - 1, "code": "a"}, "", {"hole_id": "x/y", "body": "b"}])
    assert answers["18446744073709551615"].pick(0) == "a"
    assert answers["x/y"].pick(3) == "b"


def test_code_goes_ahead_of_body_and_other_fields_may_be_named(tmp_path: Path) -> None:
    row = {"hole_id": 1, "id": 2, "code": "code", "body": "body", "text": "text"}
    assert load(tmp_path, [row])["1"].pick(0) == "code"
    assert load(tmp_path, [row], id_field="id", code_field="text")["2"].pick(0) == "text"


def test_a_file_of_many_models_is_replayed_as_one_of_them(tmp_path: Path) -> None:
    rows = [
        {"hole_id": "h", "model": "weak", "decoding": "greedy", "body": "w"},
        {"hole_id": "h", "model": "strong", "decoding": "sampled", "body": "s1"},
        {"hole_id": "h", "model": "strong", "decoding": "greedy", "body": "s"},
    ]
    answers = load(tmp_path, rows, where={"model": "strong", "decoding": "greedy"})
    assert answers["h"].in_order == ["s"]


def test_the_sample_that_a_row_names_is_picked(tmp_path: Path) -> None:
    answers = load(tmp_path, [{"hole_id": 1, "code": "one", "sample": 1}, {"hole_id": 1, "code": "zero", "sample": 0}])
    assert [answers["1"].pick(sample) for sample in range(4)] == ["zero", "one", "one", "zero"]


def test_rows_without_a_sample_are_picked_in_order_round_and_round(tmp_path: Path) -> None:
    answers = load(tmp_path, [{"hole_id": 1, "code": code} for code in "abc"])
    assert "".join(answers["1"].pick(sample) for sample in range(5)) == "abcab"


def test_imports_go_ahead_of_the_answer_at_its_indentation(tmp_path: Path) -> None:
    row = {"hole_id": 1, "body": "    return re.sub\n", "imports": ["import re", "import os"]}
    answers = load(tmp_path, [row, {"hole_id": 2, "body": "x", "imports": []}], imports_field="imports")
    assert answers["1"].pick(0) == "    import re\n    import os\n    return re.sub\n"
    assert answers["2"].pick(0) == "x"


@pytest.mark.parametrize(
    "row",
    ["{", "[]", {"code": "a"}, {"hole_id": True, "code": "a"}, {"hole_id": 1}, {"hole_id": 1, "code": 3}],
    ids=str,
)
def test_a_row_that_cannot_be_used_is_named_by_its_line(tmp_path: Path, row: Any) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, [{"hole_id": 1, "code": "a"}, row])
    assert caught.value.line == 2


def test_a_file_that_is_not_there_or_has_no_such_rows_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"simulate\.fast\.answers"):
        load_answers(SimulatedEndpoint(answers="none.jsonl"), tmp_path, "fast")
    with pytest.raises(ConfigError, match="no row"):
        load(tmp_path, [{"hole_id": 1, "code": "a"}], where={"model": "other"})
