"""What a running command uses, as the kernel tells it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from maze_tasks.verification import usage
from maze_tasks.verification.usage import DiskWatch, descendants, folder_size, tree_use

# A process with a child and a grandchild, each of another thread than the first, that ends with its input.
FAMILY = """
import os, subprocess, sys, threading
hoard = bytearray(30 << 20)
def below():
    global child
    child = subprocess.Popen([sys.executable, "-c", "import subprocess; subprocess.run(['cat'])"])
thread = threading.Thread(target=below)
thread.start(); thread.join()
print("ready", flush=True)
child.wait()
"""


@pytest.fixture
def family() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate()


@pytest.mark.parametrize("listed", [True, False])
def test_a_family_is_found_however_the_kernel_tells_it(
    family: int, listed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if listed and not usage._lists_children():
        pytest.skip("this kernel does not list children")
    monkeypatch.setattr(usage, "_lists_children", lambda: listed)
    while len(found := list(descendants(family))) < 3:
        os.sched_yield()
    assert found[0] == family
    assert len(found) == 3
    use = tree_use(family, limit=1 << 40)
    assert use.memory > 30 << 20
    assert use.threads >= 3


def test_a_process_that_has_gone_uses_nothing() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
        assert tree_use(process.pid, limit=0) == usage.Use(0, 0)


def test_a_folder_is_measured_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below/file").write_bytes(b"x" * 100_000)
    (tmp_path / "link").symlink_to("/usr")
    size = folder_size(tmp_path)
    assert size is not None
    assert 100_000 <= size[0] < 1_000_000
    assert size[1] == 3


def test_a_folder_too_deep_to_look_into_has_no_size(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(60):
        os.mkdir("d" * 100, dir_fd=here)
        below = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert folder_size(tmp_path) is None


def test_a_disk_that_others_fill_is_not_held_against_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10_000)
    watch = DiskWatch(tmp_path, 1_000_000, (0, 0))
    assert not watch.exceeded()
    full = os.statvfs_result((4096, 4096, 0, 0, 0, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    assert not watch.exceeded()
    (tmp_path / "big").write_bytes(b"x" * 2_000_000)
    assert watch.exceeded()


def test_what_others_remove_meanwhile_hides_nothing_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = DiskWatch(tmp_path, 1_000_000, (0, 0))
    (tmp_path / "big").write_bytes(b"x" * 2_000_000)
    empty = os.statvfs_result((4096, 4096, 1 << 40, 1 << 40, 1 << 40, 1 << 40, 1 << 40, 1 << 40, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: empty)
    assert not watch.exceeded()
    assert watch.exceeded(at_end=True)
