"""What the tests of verification share: a place that commands can reach, and the sandbox where the machine has one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from maze_tasks.errors import Refused
from maze_tasks.verification import Sandbox, Snapshots, Verifier, open_sandbox

from .arena import arena

__all__ = ["arena"]

REQUIRED = "MAZE_REQUIRE_BWRAP"  # set where a machine without bubblewrap is a failure and no reason to skip


@pytest.fixture(scope="session")
def secret() -> str:
    """The value of FAST_API_KEY in the worker's environment."""
    return "sk-not-for-fills-0123456789"


@pytest.fixture(scope="session")
def session_place() -> Iterator[Path]:
    """A folder that another user can pass through, unlike those of pytest."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="maze-test-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def place(session_place: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=session_place))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def sandbox(session_place: Path, secret: str) -> Sandbox:
    """A sandbox that has been probed; its worker's environment holds a key."""
    try:
        return open_sandbox("bubblewrap", session_place, {**os.environ, "FAST_API_KEY": secret})
    except Refused as refused:
        if os.environ.get(REQUIRED) == "1":
            raise
        pytest.skip(f"no sandbox on this machine: {refused}")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree: two modules, a folder, a link, an executable."""
    root = tmp_path / "tree"
    (root / "pkg").mkdir(parents=True)
    (root / "pkg" / "__init__.py").write_text("")
    (root / "pkg" / "fill.py").write_text("raise NotImplementedError\n")
    (root / "pkg" / "other.py").write_text("VALUE = 1\n")
    (root / "data.txt").write_text("data\n")
    (root / "run.sh").write_text("#!/bin/sh\nexit 0\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("pkg/other.py")
    return root


@pytest.fixture
def snapshots(place: Path) -> Snapshots:
    return Snapshots(place / "snapshots")


@pytest.fixture
def unverified(place: Path, sandbox: Sandbox, snapshots: Snapshots) -> Iterator[Verifier]:
    """A verifier without profiles: give it some."""
    verifier = Verifier({}, sandbox, place, snapshots)
    yield verifier
    verifier.close()
