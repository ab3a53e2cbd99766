"""First checks of a reply."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.validation import normalise, reject_reason
from maze_tasks.validation.static import MAX_FILL_CHARS


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("```python\n    return 1\n```", "    return 1\n"),
        ("\n```\nx = 1\ny = 2\n```\n", "x = 1\ny = 2\n"),
        ("~~~~js\nf()\n~~~~", "f()\n"),
        ("````md\n```\ninner\n```\n````", "```\ninner\n```\n"),
        ("```\n```", ""),
        ("```\r\nx\r\n```", "x\r\n"),
    ],
)
def test_a_reply_that_is_one_fenced_block_loses_its_fence(reply: str, code: str) -> None:
    assert normalise(reply).replace("\r", "") == code.replace("\r", "")


@pytest.mark.parametrize(
    "reply",
    [
        "    return 1\n",
        "Here it is:\n```python\nx\n```",
        "```\na\n```\nand\n```\nb\n```",
        "x = '```'",
        "```unclosed\nx",
        "\treturn 1\r\n",
    ],
)
def test_anything_else_stays_as_it_came(reply: str) -> None:
    assert normalise(reply) == reply


@given(st.text())
def test_code_without_a_fence_is_never_altered(text: str) -> None:
    plain = text.replace("`", "").replace("~", "")
    assert normalise(plain) == plain


@given(st.text(alphabet=st.characters(blacklist_characters="`\r"), min_size=1))
def test_what_is_put_into_a_fence_comes_out_again(code: str) -> None:
    assert normalise(f"```python\n{code}\n```") == code + "\n"


@pytest.mark.parametrize(
    ("code", "finish_reason", "kind"),
    [
        ("", "stop", "empty"),
        (" \n\t", None, "empty"),
        ("x" * (MAX_FILL_CHARS + 1), "stop", "too_large"),
        ("return 1", "length", "truncated"),
    ],
)
def test_what_cannot_be_a_fill_is_rejected_with_its_reason(code: str, finish_reason: str | None, kind: str) -> None:
    failure = reject_reason(code, finish_reason)
    assert failure is not None
    assert failure.kind == kind


@pytest.mark.parametrize("finish_reason", [None, "stop", "eos", "tool_calls"])
def test_nothing_speaks_against_code(finish_reason: str | None) -> None:
    assert reject_reason("return 1", finish_reason) is None
