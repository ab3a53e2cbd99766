from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.verification import Reason, Verdict, VerifyProfile
from maze_tasks.verification.running import Ending
from maze_tasks.verification.sandbox import judge
from maze_tasks.verification.verdict import MARK, clean, excerpt


def ending(exit_code: int | None = 0, **facts: object) -> Ending:
    known = {"stopped": None, "seconds": 1.0, "tail": b"", "printed": 0, "threads": 3, "gone": True, **facts}
    return Ending(exit_code=exit_code, **known)  # type: ignore[arg-type]


UNIT = VerifyProfile(command=("pytest",), processes=10)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (ending(0), Reason.PASSED),
        (ending(1), Reason.FAILED),
        (ending(137), Reason.FAILED),
        (ending(153), Reason.FILE_SIZE),
        (ending(1, threads=10), Reason.PROCESSES),
        (ending(0, threads=10), Reason.PASSED),
        (ending(None), Reason.SANDBOX_ERROR),
        (ending(0, gone=False), Reason.SANDBOX_ERROR),
        (ending(None, stopped=Reason.MEMORY, gone=False), Reason.SANDBOX_ERROR),
        *((ending(None, stopped=r), r) for r in (Reason.TIMEOUT, Reason.MEMORY, Reason.OUTPUT, Reason.DISK)),
    ],
)
def test_each_ending_has_its_reason(found: Ending, reason: Reason) -> None:
    verdict = judge(UNIT, found, [])
    assert verdict.reason is reason
    assert verdict.passed == (verdict.failure is None) == (reason is Reason.PASSED)
    assert verdict.conclusive == (reason is not Reason.SANDBOX_ERROR)


def test_other_exit_codes_pass_where_the_profile_says_so() -> None:
    profile = VerifyProfile(command=("pytest",), pass_exit_codes=(0, 5))
    assert judge(profile, ending(5), []).passed
    assert not judge(profile, ending(1), []).passed


def test_an_exit_code_alone_does_not_pass_where_the_output_must_say_so_too() -> None:
    profile = VerifyProfile(command=("pytest",), pass_pattern=r"^\d+ passed")
    assert judge(profile, ending(0, tail=b"...\n3 passed in 0.1s\n"), []).passed
    assert judge(profile, ending(0, tail=b""), []).reason is Reason.FAILED


@pytest.mark.parametrize(
    ("tail", "told"),
    [
        (b"noise\nE  assert 1 == 2\n\n", "E  assert 1 == 2"),
        (
            b"E  assert 1 == 2\nFAILED t.py::test_a - assert 1 == 2\n1 failed in 0.1s\n",
            "FAILED t.py::test_a - assert 1 == 2",
        ),
        (b"ValueError: no\n\nRan 3 tests in 0.1s\n", "ValueError: no"),
        (b"all is\nwell\n", "well"),
    ],
)
def test_the_stored_failure_says_why_and_shows_the_line_that_tells(tail: bytes, told: str) -> None:
    failure = judge(UNIT, ending(1, tail=tail), []).failure
    assert failure is not None
    assert (failure.kind, failure.message) == ("verify_failed", f"exit code 1: {told}")


def test_an_excerpt_has_the_end_and_what_tells_from_before_it() -> None:
    noise = "".join(f"  at frame {number} of the stack\n" for number in range(200))
    output = f"======= FAILURES =======\nE   assert 41 == 42\n{noise}short summary\n1 failed in 0.1s\n"
    found = Verdict(Reason.FAILED, "exit code 1", 1, 0.1, output).excerpt
    assert found.startswith("…\nE   assert 41 == 42\n…\n")
    assert found.endswith("frame 199 of the stack\nshort summary\n1 failed in 0.1s")
    assert 1000 < len(found) <= 1500
    assert excerpt("===== FAILURES =====\n\nE   no\n") == "=== FAILURES ===\nE   no"
    assert Verdict(Reason.PASSED, "passed", 0, 0.1, output).excerpt == ""


@given(st.text(alphabet="aE \n\u00e9=", max_size=300), st.integers(min_value=1, max_value=60))
def test_an_excerpt_is_never_longer_than_it_may_be(output: str, limit: int) -> None:
    assert len(excerpt(output, limit)) <= limit


@given(st.binary(max_size=300))
def test_cleaned_output_has_no_characters_that_move_a_terminal(raw: bytes) -> None:
    assert all(char in "\n\t" or char.isprintable() or char.isspace() for char in clean(raw) if ord(char) < 0xA0)
    assert "\x1b" not in clean(raw)
    assert len(clean(raw, limit=50)) <= 50


def test_colours_titles_and_overwritten_lines_go() -> None:
    raw = b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07ok\r\n10%\r50%\r100%\nend"
    assert clean(raw) == "red ok\n100%\nend"


def test_secrets_go_and_so_does_what_may_be_the_rest_of_one() -> None:
    assert clean(b"key=abcdefgh!", ["abcdefgh", "abcdef"]) == f"key={MARK}!"
    assert clean(b"efgh\nrest", ["abcdefgh"], cut=True) == "rest"
    key = "-----BEGIN-----\nAAAABBBB\n-----END-----"
    assert "AAAABBBB" not in clean(b"E  -----BEGIN-----\nE  AAAABBBB\n", [key])


def test_a_verdict_keeps_its_message_short_enough_to_store() -> None:
    failure = Verdict(Reason.FAILED, "exit code 1", 1, 0.1, "x" * 5000).failure
    assert failure is not None
    assert len(failure.message) <= 500
