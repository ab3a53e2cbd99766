"""A pytest plugin: notes the outcome of every test, and which functions of interest each test comes to.

``python -m pytest -p seen_by_tests`` with this folder on the path. The variable SEEN_BY_TESTS holds a JSON object:
``report``, the file to write, and ``functions``, a list of ``[file, name, line of the def, first and last line of the
body]``. The report: ``outcomes`` (test id → passed, failed, skipped), ``seen`` (test id → numbers of functions in that
list) and ``loading`` (numbers of those that were called while modules were imported).
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

ASKED = json.loads(os.environ["SEEN_BY_TESTS"])
FUNCTIONS: dict[tuple[str, str], list[tuple[int, tuple[int, int, int]]]] = {}
for number, (file, name, *lines) in enumerate(ASKED["functions"]):
    FUNCTIONS.setdefault((os.path.realpath(file), name), []).append((number, tuple(lines)))

outcomes: dict[str, str] = {}
seen: dict[str, list[int]] = {}
loading: set[int] = set()
now = loading  # what is seen goes here
known: dict[CodeType, int | None] = {}


def number_of(code: CodeType) -> int | None:
    """Number of the function of interest that a code object is."""
    lines = {line for _, _, line in code.co_lines() if line}
    for each, (defined, first, last) in FUNCTIONS.get((os.path.realpath(code.co_filename), code.co_name), ()):
        # The first line of a decorated function is that of its first decorator.
        if code.co_firstlineno <= defined and any(first <= line <= last for line in lines):
            return each
    return None


def trace(frame: FrameType, _event: str, _argument: Any) -> None:
    """Called for every call of a Python function."""
    code = frame.f_code
    if code not in known:
        known[code] = number_of(code)
    found = known[code]
    if found is not None:
        now.add(found)


def watch() -> None:
    """Watch this thread, and those to come."""
    threading.settrace(trace)  # type: ignore[arg-type]
    sys.settrace(trace)  # type: ignore[arg-type]


watch()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Watch one test."""
    global now  # noqa: PLW0603 - a plugin is a module
    now = set()
    watch()
    try:
        return (yield)
    finally:
        seen[item.nodeid] = sorted(now)
        now = loading


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note how a test ends; what is worse than its call counts."""
    decides = report.when == "call" or report.outcome != "passed"
    if decides and outcomes.get(report.nodeid, "passed") == "passed":
        outcomes[report.nodeid] = report.outcome


def pytest_sessionfinish() -> None:
    """Write the report."""
    sys.settrace(None)
    found = {"outcomes": outcomes, "seen": seen, "loading": sorted(loading)}
    Path(ASKED["report"]).write_text(json.dumps(found), encoding="utf-8")
