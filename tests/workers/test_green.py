"""Processes whose threads are greenlets."""

from __future__ import annotations

import subprocess
import sys

# `os.read` on a pipe stands for a computation that takes its time: in the thread of the greenlets it would wait for the
# one that writes for ever.
SHARES = """
from workers.green import become_green, in_a_thread, is_green, keep_event_loop
assert not is_green()
become_green()
assert is_green()
import os, threading
readable, writable = os.pipe()
go = threading.Event()
def write():
    go.wait()
    os.write(writable, b"x")
threading.Thread(target=write).start()
def compute():
    go.set()
    return os.read(readable, 1)
assert in_a_thread()(compute) == b"x"
def fail():
    raise LookupError("as it is")
try:
    in_a_thread()(fail)
except LookupError as error:
    print(error)
keep_event_loop()
from kombu.utils.compat import detect_environment
from kombu.utils.eventio import poll
print(detect_environment(), type(poll()).__name__)
"""


def test_what_computes_for_long_leaves_the_others_their_turn_and_raises_as_by_itself() -> None:
    ran = subprocess.run([sys.executable, "-c", SHARES], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == ["as it is", "default _poll"]
