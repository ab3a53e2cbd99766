"""Reading texts of others without the warnings that are meant for their authors."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_ONE_AT_A_TIME = threading.Lock()  # the filters of warnings belong to the whole process


@contextmanager
def quietly() -> Iterator[None]:
    """Compile code or patterns within, and no warning about them is shown or raised."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
