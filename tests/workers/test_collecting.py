"""The collector of cycles in a worker."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: what other tests have left would be found here.
LOOKS = """
import gc, weakref
from workers.collecting import collect_seldom

class Node:
    pass

before = gc.get_threshold()
collect_seldom()
assert gc.get_freeze_count() > 1_000
assert gc.get_threshold()[0] > before[0]
node = Node()
node.itself = node
gone = weakref.ref(node)
del node
assert gone() is not None
gc.collect()
assert gone() is None
"""


def test_what_is_loaded_is_looked_through_no_more_and_cycles_made_since_are_still_found() -> None:
    ended = subprocess.run([sys.executable, "-c", LOOKS], check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
