from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.verification import Reason, Verdict, VerifyProfile
from maze_tasks.verification.running import Ending
from maze_tasks.verification.sandbox import judge
from maze_tasks.verification.verdict import MARK, clean


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


def test_the_stored_failure_says_why_and_shows_the_last_line() -> None:
    failure = judge(UNIT, ending(1, tail=b"noise\nE  assert 1 == 2\n\n"), []).failure
    assert failure is not None
    assert (failure.kind, failure.message) == ("verify_failed", "exit code 1: E  assert 1 == 2")


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


def test_a_verdict_keeps_its_message_short_enough_to_store() -> None:
    failure = Verdict(Reason.FAILED, "exit code 1", 1, 0.1, "x" * 5000).failure
    assert failure is not None
    assert len(failure.message) <= 500
