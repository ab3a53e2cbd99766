"""The benchmark of ClassEval with a few holes, and its audit with outcomes that break the claim."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import classeval
from benchmarks.filling import Answer, Outcome, Problem, audit, truth
from benchmarks.pythons import chosen_python
from benchmarks.rows import rows

pytestmark = pytest.mark.integration


@pytest.mark.timeout(400)  # it starts a dozen processes, and some machines are busy
@pytest.mark.usefixtures("sandbox")
def test_holes_that_an_answer_fills_are_filled(capsys: pytest.CaptureFixture[str]) -> None:
    code = classeval.main(["--limit", "4", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert report["holds"] is True
    assert code == 0
    assert report["holes"] == report["fillable"] == report["filled"] == 4
    assert sum(row["accepted"] for row in report["models"]) == 4
    assert sum(row["rejected"] for row in report["models"]) > 0
    assert report["cost_usd"] == pytest.approx(sum(row["cost_usd"] for row in report["models"]))


def test_every_hole_has_a_name_of_its_own_and_tests() -> None:
    holes, tests = rows("classeval_holes"), {row["task_id"]: row["tests"] for row in rows("classeval_tests")}
    assert len(holes) == 184
    assert len({row["hole_id"] for row in holes}) == 184
    assert all(f"class {row['test_class']}(" in tests[row["hole_id"].partition(".")[0]] for row in holes)
    fills = rows("classeval_fills")
    assert {row["model"] for row in fills} >= {model.name for model in classeval.MODELS}


def problem(**answers: str) -> Problem:
    said = {model: [Answer(body)] for model, body in answers.items()}
    return Problem("one", "def one():\n", "", "    ", "assert one() == 1\n", None, said)


def result(status: str, code: str | None = None, **attempt: Any) -> dict[str, Any]:
    error = {"kind": "verify_failed", "message": "exit code 1"}
    return {"status": status, "code": code, "attempts": [{"model": "a", "outcome": "rejected", "error": error}]}


def audited(one: Problem, outcome: dict[str, Any]) -> Outcome:
    found, python = Outcome(1), chosen_python(None).program
    audit(found, [(one, outcome)], truth([one], python), python)
    return found


def test_an_accepted_fill_that_fails_its_tests_breaks_the_claim() -> None:
    found = audited(problem(a="    return 1\n", b="    return 2\n"), result("filled", "    return 2\n"))
    assert found.wrong == ["one"]
    assert not found.holds


def test_a_hole_that_an_answer_fills_and_that_is_not_filled_breaks_the_claim() -> None:
    found = audited(problem(a="    return 2\n", b="    return 1\n"), result("failed"))
    assert found.not_filled == {"one": ["a: verify_failed: exit code 1"]}
    assert not found.holds


def test_a_hole_that_no_answer_fills_may_stay_open() -> None:
    assert audited(problem(a="    return 2\n"), result("failed")).holds


@pytest.mark.parametrize("body", ["    import os\n    os._exit(0)\n", "    raise SystemExit(0)\n"])
def test_an_answer_that_ends_the_program_early_does_not_pass(body: str) -> None:
    assert truth([problem(a=body)], chosen_python(None).program) == set()


def test_data_that_is_missing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert classeval.main(["--data", str(tmp_path)]) == 2
    assert "classeval_holes.jsonl" in capsys.readouterr().err
