"""Put into the trees of benchmarks: runs a module and its tests as one program, as verification calls it.

    python run_tests.py MODULE TESTS [CASE]

CASE is the class of the tests that count; without it running TESTS is the test.
"""

from __future__ import annotations

import random
import sys
import unittest
from pathlib import Path

DONE = "-- all of it ran --"  # what the profile wants to see at the end
SEED = 0


def main(module: str, tests: str, case: str = "") -> int:
    """Run them; 0 if they pass."""
    source = "\n".join(Path(each).read_text(encoding="utf-8") for each in (module, tests))
    names: dict[str, object] = {"__name__": "__main__", "__file__": str(Path(module).resolve())}
    random.seed(SEED)  # what draws draws the same every time
    exec(compile(source, module, "exec"), names)
    if case:
        loaded = unittest.defaultTestLoader.loadTestsFromTestCase(names[case])  # type: ignore[arg-type]
        result = unittest.TextTestRunner(verbosity=0).run(loaded)
        if not result.testsRun or not result.wasSuccessful():
            return 1
    print(DONE)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
