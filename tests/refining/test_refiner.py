"""`ProgressiveRefiner`: a text with holes in, the text with its fills out."""

from __future__ import annotations

import ast
import threading
from pathlib import Path
from typing import Any

import pytest

from maze_tasks import (
    ConfigError,
    ConstraintIR,
    HoleSpec,
    InputError,
    ProgressiveRefiner,
    RefinementConfig,
    RefinementResult,
)
from maze_tasks.errors import RunExists
from maze_tasks.store import connect, reading
from tests.answering import Answering, Asked

from .code import CODE, run, state
from .conftest import MakeRefiner


def body(asked: Asked) -> str:
    return "return a + b" if "it is the body of: def add" in asked.prompt else "return -a"


def test_all_holes_of_a_text_are_found_filled_and_put_into_it(refiner_of: MakeRefiner) -> None:
    refiner, server = refiner_of(body)
    result = refiner.refine(CODE, language="python")
    names = run(result.code)
    assert (names["twice"](4), names["neg"](3)) == (8, -3)
    assert "# grüße ✓" in result.code
    assert result.complete
    assert result.iterations == result.metadata.iterations == 1
    assert [hole.status for hole in result.holes] == ["Filled", "Filled"]
    assert [hole.current_fill for hole in result.holes] == ["    return a + b\n", "    return -a\n"]
    assert result.metadata.model_usage == {"one": 2}
    assert result.metadata.successful_fills == len(server.asked) == 2
    assert RefinementResult.model_validate_json(result.model_dump_json()) == result


def test_holes_handed_in_come_back_under_their_ids_with_their_attempts(refiner_of: MakeRefiner) -> None:
    refiner, server = refiner_of(lambda asked: 400 if asked.candidate == 0 else body(asked), "a", "b")
    earlier = {
        "code": "x", "confidence": 0.5, "temperature": 0.2, "model": "old", "timestamp": 1, "validation_passed": False,
    }  # fmt: skip
    given = [state(7, "lib/m.py:10:5"), state(3, "lib/m.py:2:5", attempts=[earlier], expected_type="int")]
    result = refiner.refine(CODE, given)
    assert [(hole.id, hole.origin, hole.status) for hole in result.holes] == [
        (7, "lib/m.py:10:5", "Filled"),
        (3, "lib/m.py:2:5", "Filled"),
    ]
    assert run(result.code)["twice"](4) == 8
    first, failed, good = result.holes[1].attempts
    assert first.model == "old"
    assert (failed.model, failed.validation_passed) == ("a", False)
    assert failed.error is not None
    assert failed.error.startswith("bad_request")
    assert (good.model, good.validation_passed, good.error, good.code) == ("b", True, None, "    return a + b\n")
    assert good.timestamp > 1_700_000_000
    assert {asked.hole for asked in server.asked} == {"7", "3"}
    assert "lib/m.py" in server.asked[0].prompt


def test_a_hole_that_nobody_fills_keeps_its_marker_and_says_where_it_is_now(refiner_of: MakeRefiner) -> None:
    refiner, _ = refiner_of(lambda asked: "total = a + b\nreturn total" if asked.hole == "1" else "return (")
    result = refiner.refine(CODE, [state(1, "m.py:2:5"), state(2, "m.py:10:5")], language="python")
    assert [hole.status for hole in result.holes] == ["Filled", "Failed"]
    assert not result.complete
    assert result.holes[1].origin == "m.py:11:5"
    assert result.code.splitlines()[10] == "    raise NotImplementedError"
    assert result.holes[1].current_fill is None
    assert result.holes[1].attempts[0].code.strip() == "return ("
    assert result.metadata.failed_fills == 1


def test_what_a_refinement_gives_can_be_refined_again(refiner_of: MakeRefiner) -> None:
    answers = {"1": "total = a + b\nreturn total", "2": "return ("}
    refiner, server = refiner_of(lambda asked: answers[asked.hole])
    first = refiner.refine(CODE, [state(1, "m.py:2:5"), state(2, "m.py:10:5")])
    answers["2"] = "return -a"
    again = refiner.refine(first.code, first.holes)
    assert again.complete
    assert run(again.code)["neg"](3) == -3
    assert len(server.of(1)) == 1, "what is filled is not asked for again"
    assert len(again.holes[1].attempts) == 2


def test_another_model_comes_first_then_the_next_temperature(refiner_of: MakeRefiner) -> None:
    config = RefinementConfig(max_iterations=3, temperature_schedule=(0.9, 0.5, 0.1))
    refiner, server = refiner_of(lambda asked: "return (" if asked.round < 2 else body(asked), "a", "b", config=config)
    result = refiner.refine(CODE, [state(1, "m.py:2:5")])
    (hole,) = result.holes
    assert [(one.model, one.temperature) for one in hole.attempts] == [
        ("a", 0.9), ("b", 0.9), ("a", 0.5), ("b", 0.5), ("a", 0.1),
    ]  # fmt: skip
    assert [one.body["temperature"] for one in server.asked] == [0.9, 0.9, 0.5, 0.5, 0.1]
    assert result.iterations == 3
    assert result.complete, "of the holes that were handed in"


@pytest.mark.parametrize(
    ("strategy", "status", "review"),
    [("Skip", "Skipped", ()), ("HumanReview", "NeedsHuman", (1, 2)), ("RetryAlternate", "Failed", ())],
)
def test_the_strategy_says_how_holes_end_and_who_waits_for_them(
    refiner_of: MakeRefiner, strategy: str, status: str, review: tuple[int, ...]
) -> None:
    refiner, server = refiner_of(lambda _: 400, config={"max_iterations": 1, "failure_strategy": strategy})
    result = refiner.refine(CODE, [state(1, "m.py:2:5"), state(2, "m.py:10:5", depends_on=[1])])
    assert [hole.status for hole in result.holes] == [status, status]
    assert result.needs_review == review
    assert len(server.of(2)) == (1 if strategy == "RetryAlternate" else 0)
    assert result.code == CODE


def test_a_fill_is_shown_to_the_hole_that_depends_on_it(refiner_of: MakeRefiner) -> None:
    refiner, server = refiner_of(body)
    result = refiner.refine(CODE, [state(2, "m.py:10:5", depends_on=[1]), state(1, "m.py:2:5")])
    assert result.complete
    assert [asked.hole for asked in server.asked] == ["1", "2"]
    assert "return a + b" in server.asked[1].prompt
    # The same where the fill was handed in.
    known = state(1, "m.py:2:5", status="Filled", current_fill="    return b + a\n")
    again = refiner.refine(CODE, [known, state(2, "m.py:10:5", depends_on=[1])])
    assert "return b + a" in server.asked[2].prompt
    assert "return b + a" in again.code
    assert len(server.asked) == 3
    assert again.metadata.successful_fills == 2


@pytest.mark.parametrize("status", ["Skipped", "NeedsHuman"])
def test_holes_that_somebody_set_aside_stay_so_and_cost_nothing(refiner_of: MakeRefiner, status: str) -> None:
    refiner, server = refiner_of(body, config={"failure_strategy": "Skip"})
    result = refiner.refine(CODE, [state(1, "m.py:2:5", status=status), state(2, "m.py:10:5", depends_on=[1])])
    assert [hole.status for hole in result.holes] == [status, "Skipped"]
    assert server.asked == []
    assert (result.code, result.iterations) == (CODE, 0)


@pytest.mark.parametrize(
    ("holes", "says"),
    [
        ([state(1, "m.py:2:5", depends_on=[2]), state(2, "m.py:10:5", depends_on=[1])], r"1 → 2 → 1|2 → 1 → 2"),
        ([state(1, "m.py:2:5", depends_on=[5])], "depends on 5"),
        (
            [state(1, "m.py:3:5")],
            r"holes:1: origin: the code has no hole at line 3, column 5; it has holes at 2:5, 10:5",
        ),
        ([state(1, "m.py:2:5"), state(2, "m.py:2:5")], "1 and 2 are at one place"),
        ([state(1, "m.py:2:5"), state(2, "n.py:10:5")], "two files"),
        ([HoleSpec(hole_id=1)], "says no place, and 2 holes"),
        (
            [state(1, "m.py:2:5"), {"id": "1", "scale": "nano", "origin": "m.py:10:5", "status": "Pending"}],
            "stands at 1",
        ),
        ([state(1, "m.py:2:5", status="Filled")], "current_fill"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_anything_is_spent(
    refiner_of: MakeRefiner, holes: list[Any], says: str
) -> None:
    refiner, server = refiner_of(body)
    with pytest.raises(InputError, match=says):
        refiner.refine(CODE, holes, language="python")
    assert server.asked == []


def test_a_language_that_nobody_names_is_asked_for(refiner_of: MakeRefiner) -> None:
    refiner, _ = refiner_of(body)
    with pytest.raises(ConfigError, match=r"language: name the language.*python"):
        refiner.refine(CODE)
    with pytest.raises(ConfigError, match="no such language: 'cobol'"):
        refiner.refine(CODE, language="cobol")


def test_constraints_are_for_all_holes_or_for_those_they_name(refiner_of: MakeRefiner) -> None:
    refiner, _ = refiner_of(lambda asked: "return 1" if asked.candidate == 0 else "return sum([a, 1])", "a", "b")
    given = [state(1, "m.py:2:5"), state(2, "m.py:10:5")]
    uses_sum = {"name": "s", "regex_patterns": [{"pattern": "sum"}]}
    one = refiner.refine(CODE, given, {1: uses_sum})
    assert [hole.attempts[-1].model for hole in one.holes] == ["b", "a"]
    both = refiner.refine(CODE, given, ConstraintIR.model_validate(uses_sum))
    assert [hole.attempts[-1].model for hole in both.holes] == ["b", "b"]
    also_both = refiner.refine(CODE, given, [uses_sum])
    assert also_both.code == both.code
    with pytest.raises(InputError, match="no hole 9"):
        refiner.refine(CODE, given, {9: uses_sum})


def test_line_ends_and_everything_outside_the_holes_stay_byte_for_byte(refiner_of: MakeRefiner) -> None:
    refiner, _ = refiner_of(lambda _: "c = a + b\nreturn c")
    code = "\ufeff# «ä»\r\ndef add(a, b):\r\n    pass\r\n\r\nx = '\u2028'  \r\n"
    result = refiner.refine(code, path="m.py")
    assert result.code == code.replace("    pass\r\n", "    c = a + b\r\n    return c\r\n")


def test_a_text_may_name_another_encoding_and_its_fills_any_character(refiner_of: MakeRefiner) -> None:
    refiner, _ = refiner_of(lambda _: "return 'é→'")
    code = "# -*- coding: latin-1 -*-\n# Grüße\ndef hi():\n    pass\n\n\nÄ = 1\n"
    assert refiner.refine(code, path="m.py").code == code.replace("    pass\n", "    return 'é→'\n")


def test_several_holes_on_one_line_are_told_apart(refiner_of: MakeRefiner) -> None:
    code = "fn f() -> i32 {\n    let é = todo!() + todo!();\n    é\n}\n"
    refiner, server = refiner_of(lambda asked: {"1": "10", "2": "("}[asked.hole])
    given = [state(2, "a.rs:2:23", scale="nano"), state(1, "a.rs:2:13", scale="nano")]
    result = refiner.refine(code, given)
    assert result.code == code.replace("todo!() +", "10 +")
    assert [(hole.status, hole.origin) for hole in result.holes] == [("Failed", "a.rs:2:18"), ("Filled", "a.rs:2:13")]
    again = refiner.refine(result.code, result.holes)
    assert again.holes[0].origin == "a.rs:2:18"
    assert len(server.of(1)) == 1


@pytest.mark.parametrize(
    ("language", "code", "fill"),
    [
        ("ts", "function f(a: number): number {\n  throw new Error('TODO');\n}\n", "return a;"),
        ("go", 'package m\n\nfunc f(a int) int {\n\tpanic("TODO")\n}\n', "return a"),
        ("Rust", "fn f(a: i32) -> i32 {\n    todo!()\n}\n", "a"),
        ("java", "class A {\n  int f(int a) {\n    throw new UnsupportedOperationException();\n  }\n}\n", "return a;"),
        ("c++", 'int f(int a) {\n  throw std::logic_error("Not implemented");\n}\n', "return a;"),
        ("zig", 'fn f(a: i32) i32 {\n    @panic("TODO");\n}\n', "return a;"),
    ],
)
def test_every_language_is_refined(refiner_of: MakeRefiner, language: str, code: str, fill: str) -> None:
    refiner, _ = refiner_of(lambda _: f"```\n{fill}\n```")
    result = refiner.refine(code, [HoleSpec(hole_id=1)], language=language)
    assert result.complete, result.holes[0].attempts
    assert fill in result.code
    assert len(result.code.splitlines()) == len(code.splitlines())


def test_a_comment_that_asks_for_something_is_a_hole_where_an_origin_points_at_it(refiner_of: MakeRefiner) -> None:
    refiner, _ = refiner_of(lambda _: "a += 1")
    code = "def f(a):\n    # TODO: one more\n    return a\n"
    assert refiner.refine(code, language="python").holes == ()
    result = refiner.refine(code, [state(1, "m.py:2:5", scale="statement")])
    assert run(result.code)["f"](1) == 2


def test_a_text_without_holes_is_complete(refiner_of: MakeRefiner) -> None:
    refiner, server = refiner_of(body)
    result = refiner.refine("x = 1\n", language="python")
    assert (result.code, result.holes, result.complete, server.asked) == ("x = 1\n", (), True, [])


def test_best_of_n_is_that_of_the_client(refiner_of: MakeRefiner) -> None:
    refiner, server = refiner_of(body, ensemble={"best_of_n": 3})
    result = refiner.refine(CODE, [state(1, "m.py:2:5")])
    assert len(server.asked) == len(result.holes[0].attempts) == 3
    assert all(one.validation_passed for one in result.holes[0].attempts)
    assert result.metadata.model_usage == {"one": 1}


@pytest.mark.parametrize("parallel", [True, False])
def test_holes_are_filled_side_by_side_or_one_after_the_other(refiner_of: MakeRefiner, parallel: bool) -> None:
    together = threading.Barrier(2)

    def answer(asked: Asked) -> str:
        if parallel:
            together.wait(20)
        return body(asked)

    refiner, server = refiner_of(answer, config={"parallel_fill": parallel})
    assert refiner.refine(CODE, language="python").complete
    assert server.most_at_once == (2 if parallel else 1)


def test_a_passing_failure_is_waited_out(refiner_of: MakeRefiner) -> None:
    refused: list[str] = []

    def answer(asked: Asked) -> str | int:
        if asked.hole not in refused:
            refused.append(asked.hole)
            return 503
        return body(asked)

    refiner, server = refiner_of(answer)
    assert refiner.refine(CODE, [state(1, "m.py:2:5")]).complete
    assert len(server.asked) == 2


def test_a_named_run_is_not_paid_for_twice_and_holds_one_thing(refiner_of: MakeRefiner) -> None:
    refiner, server = refiner_of(body)
    first = refiner.refine(CODE, language="python", run="mine")
    again = refiner.refine(CODE, language="python", run="mine")
    assert (first.code, first.holes) == (again.code, again.holes)
    assert len(server.asked) == 2
    with pytest.raises(RunExists):
        refiner.refine("def f():\n    pass\n", language="python", run="mine")
    assert len(server.asked) == 2


def test_an_interrupted_refinement_is_cancelled_and_a_named_one_goes_on(
    refiner_of: MakeRefiner, redis_url: str
) -> None:
    class Interrupted(BaseException):
        pass

    answered = threading.Event()

    def answer(asked: Asked) -> str:
        answered.wait(20)
        return body(asked)

    def interrupt(_store: object, _send: object, run: str, _now: int) -> None:
        if run == "mine":
            answered.set()
        raise Interrupted

    refiner, server = refiner_of(answer, config={"parallel_fill": False})
    for name in (None, "mine"):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("maze_tasks.local_run.see_to_overdue", interrupt)
            with pytest.raises(Interrupted):
                refiner.refine(CODE, language="python", run=name)
    client = connect(redis_url)
    states = {one: reading.read_status(client, "maze", one) for one in reading.list_runs(client, "maze")}
    client.close()
    (lone,) = [found.state for name, found in states.items() if found and name != "mine"]
    assert lone == "cancelled"
    assert refiner.refine(CODE, language="python", run="mine").complete
    assert len([asked for asked in server.asked if asked.key.startswith("mine/")]) == 2


def test_settings_that_nothing_would_keep_to_are_refused(refiner_of: MakeRefiner) -> None:
    with pytest.raises(ConfigError, match="not supported"):
        refiner_of(body, config={"enable_diffusion": True})


def test_a_refiner_of_one_endpoint_has_a_private_store(tmp_path: Path) -> None:
    with Answering(body) as server:
        endpoint = server.endpoint().model_dump(mode="json")
        with ProgressiveRefiner.with_endpoint(endpoint, state_dir=tmp_path / "state") as refiner:
            assert refiner.config.max_iterations == 1
            result = refiner.refine(CODE, path="m.py")
    assert ast.parse(result.code)
    assert result.complete
