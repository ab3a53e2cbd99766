"""Programs run straight: the independent word on a fill, which nothing of maze_tasks has a part in.

What is run is code that models wrote, with the rights of whoever calls and without a sandbox, in an empty folder and
for a limited time. Both benchmarks that do so use recorded answers only.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

TIMEOUT_S = 15.0
MEMORY_BYTES = 4 * 1024**3
SETTLED = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}  # so that every run of a program is like the others
DONE = "-- all of it ran --"  # a program that ends itself early does not come to print it

SEED = "import random as _random\n_random.seed(0)\n"  # what draws draws the same every time
UNITTEST = """
import sys as _sys
import unittest as _unittest
_loaded = _unittest.defaultTestLoader.loadTestsFromTestCase({case})
_result = _unittest.TextTestRunner(verbosity=0).run(_loaded)
if not _result.testsRun or not _result.wasSuccessful():
    _sys.exit(1)
"""
NOBODY = 65534  # who runs them where root calls: files that nobody may write must not be writable


def program(source: str, tests: str, case: str | None = None) -> str:
    """A script that fails where the tests do.

    Args:
        source: what is tested.
        tests: source that tests it.
        case: class of the tests that count; None where running `tests` is the test.
    """
    run = UNITTEST.format(case=case) if case else ""
    return f"{SEED}{source}\n{tests}\n{run}\nprint({DONE!r})\n"


def judged(programs: Iterable[str], python: str) -> dict[str, bool]:
    """Whether each program passes; one that comes several times is run once.

    Args:
        programs: scripts, as `program` makes them.
        python: what runs them.
    """
    distinct = list(dict.fromkeys(programs))
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        return dict(zip(distinct, threads.map(partial(passes, python), distinct), strict=True))


def passes(python: str, script: str) -> bool:
    """Whether a script comes to its end by itself and without an error."""
    with tempfile.TemporaryDirectory(prefix="straight-") as folder:
        Path(folder, "program.py").write_text(script, encoding="utf-8")
        owner = NOBODY if os.geteuid() == 0 else None
        if owner is not None:
            os.chown(folder, owner, owner)
        process = subprocess.Popen(
            [python, "-s", "program.py"],
            cwd=folder,
            env={"PATH": os.environ.get("PATH", ""), "HOME": folder, "TMPDIR": folder} | SETTLED,
            user=owner,
            group=owner,
            extra_groups=None if owner is None else (),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_limit,  # noqa: PLW1509 - it takes no lock
        )
        try:
            out, _ = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            out = b""
        finally:
            _end(process)
    return process.returncode == 0 and out.rstrip().endswith(DONE.encode())


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a program, its children included."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
