"""Which modules code of python in a tree may import: those it imports somewhere, those it has, those it declares."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

MOST_MODULES: Final = 400
"""Names that go with a hole at most; of a tree with more it is not known what may be imported."""

_MAX_BYTES: Final = 1_000_000  # of a file that declares something
_UP: Final = 4  # folders that are looked at, from the scanned one up
_TOP: Final = ("pyproject.toml", "setup.cfg", "setup.py", ".git")  # what the top of a project has
_IMPORT: Final = re.compile(rb"^[ \t]*(?:from[ \t]+([A-Za-z_]\w*)|import[ \t]+([^#\n;]+))", re.MULTILINE)
_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z][\w.-]*)")
# Distributions that are imported by quite another name.
_CALLED: Final = {
    "attrs": "attr",
    "beautifulsoup4": "bs4",
    "opencv_python": "cv2",
    "pillow": "PIL",
    "protobuf": "google",
    "psycopg2_binary": "psycopg2",
    "pycryptodome": "Crypto",
    "pyjwt": "jwt",
    "pyyaml": "yaml",
    "scikit_learn": "sklearn",
}


class Modules:
    """Top-level names of modules that a tree knows, gathered file by file.

    Args:
        root: the folder that is scanned; what it declares as its dependencies is read.
    """

    def __init__(self, root: Path) -> None:
        self._names = set(_declared(root))
        self._all: tuple[str, ...] | None = None

    def add(self, path: str, data: bytes) -> None:
        """Note what a file of python imports, and what it is called itself.

        Args:
            path: its path, relative to the root, with ``/`` between its parts.
            data: its bytes.
        """
        self._all = None
        if len(self._names) > MOST_MODULES:
            return
        self._names.update(part.partition(".")[0] for part in path.split("/"))
        for whole, several in _IMPORT.findall(data):
            for one in (whole or several).decode(errors="replace").split(","):
                self._names.add(one.strip().partition(" ")[0].partition(".")[0])

    def all(self) -> tuple[str, ...] | None:
        """What is known, in order; None where that is too much to go with every hole."""
        if len(self._names) > MOST_MODULES:
            return None
        if self._all is None:
            self._all = tuple(sorted(name for name in self._names - sys.stdlib_module_names if name.isidentifier()))
        return self._all


def _declared(root: Path) -> Iterator[str]:
    """Names that the dependencies of a project may have as modules; it may begin in a folder above."""
    folders = [root, *root.resolve().parents][:_UP]
    top = next((folder for folder in folders if any((folder / name).exists() for name in _TOP)), root)
    for line in (*_requirements(root), *_requirements(top)):
        match = _REQUIREMENT.match(line)
        if match is not None:
            name = re.sub(r"[-.]+", "_", match[1])
            yield from (name, name.lower(), name.lower().removeprefix("python_"))
            if (called := _CALLED.get(name.lower())) is not None:
                yield called


def _requirements(root: Path) -> Iterator[str]:
    for path in (*sorted(root.glob("requirements*.txt")), *sorted(root.glob("requirements/*.txt")), root / "setup.cfg"):
        yield from _read(path).splitlines()
    try:
        table: dict[str, Any] = tomllib.loads(_read(root / "pyproject.toml"))
    except tomllib.TOMLDecodeError:
        return
    yield from _texts(table.get("project"), ("dependencies", "optional-dependencies"))
    yield from _texts(table, ("dependency-groups", "build-system"))
    tools = table.get("tool")
    poetry = tools.get("poetry") if isinstance(tools, dict) else None
    yield from _texts(poetry, ("dependencies", "dev-dependencies", "group"))


def _texts(table: object, keys: tuple[str, ...]) -> Iterator[str]:
    """All texts and names of keys below some keys of a table."""
    waiting = [table.get(key) for key in keys] if isinstance(table, dict) else []
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            yield from (str(key) for key in one)
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _read(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return ""
        return path.read_text(errors="replace")
    except OSError:
        return ""
