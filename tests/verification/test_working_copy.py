"""A working copy is restored to exactly what it was, whatever a command did to it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maze_tasks.errors import InputError
from maze_tasks.verification import manifest
from maze_tasks.verification.working_copy import BaseChanged, WorkingCopy

NAMES = st.sampled_from(["a", "b", "c", "ü n", "-d", "__pycache__", "\udcff"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CONTENTS = st.binary(max_size=20)
MODES = st.sampled_from([0o644, 0o600, 0o755, 0o444, 0o400])
FOLDER_MODES = st.sampled_from([0o755, 0o700, 0o555, 0o500])
TARGETS = st.sampled_from(["a", "../a", "b/c", "/no/such/place", "nowhere", ".", ".."])

FILES = st.tuples(st.just("file"), PATHS, CONTENTS, MODES)
FOLDERS = st.tuples(st.just("folder"), PATHS, FOLDER_MODES)
LINKS = st.tuples(st.just("link"), PATHS, TARGETS)
TREES = st.lists(FILES | FOLDERS | LINKS, max_size=8)

MUTATIONS = st.lists(
    FILES
    | FOLDERS
    | LINKS
    | st.tuples(st.just("remove"), PATHS)
    | st.tuples(st.just("rename"), PATHS, PATHS)
    | st.tuples(st.just("hard link"), PATHS, PATHS)
    | st.tuples(st.just("pipe"), PATHS)
    | st.tuples(st.just("mode"), PATHS, st.sampled_from([0o000, 0o777, 0o644, 0o4755, 0o1777]))
    | st.tuples(st.just("overwrite in disguise"), PATHS, st.binary(min_size=1, max_size=20))
    | st.tuples(st.just("old"), PATHS)
    | st.tuples(st.just("swap"), PATHS, PATHS),
    max_size=8,
)


def make(root: Path, kind: str, path: str, *facts: Any) -> None:
    """One step of building or spoiling a tree; what cannot be done is left, and so is what would go through a link."""
    paths = [path, *facts[:1]] if kind in ("rename", "hard link", "swap") else [path]
    if any(_is_link(folder) for each in paths for folder in (root / each).parents):
        return
    place = root / path
    if kind in ("file", "folder", "mode", "overwrite in disguise") and os.path.lexists(place) and not _is_plain(place):
        return
    with suppress(OSError):
        ACTS[kind](root, place, *facts)


def _is_link(place: Path) -> bool:
    try:
        return place.is_symlink()
    except PermissionError:
        return True


def _is_plain(place: Path) -> bool:
    """Whether it can be opened without waiting for somebody, or ending up elsewhere."""
    return stat.S_IFMT(place.lstat().st_mode) in (stat.S_IFREG, stat.S_IFDIR)


def write(_: Path, place: Path, content: bytes, mode: int) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    place.chmod(mode)


def folder(_: Path, place: Path, mode: int) -> None:
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(mode)


def link(_: Path, place: Path, target: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def remove(_: Path, place: Path) -> None:
    shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()


def disguise(_: Path, place: Path, content: bytes) -> None:
    """Another content of the same size, and the times set back."""
    facts = place.stat()
    place.write_bytes((content * facts.st_size)[: facts.st_size])
    os.utime(place, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def swap(root: Path, place: Path, other: str) -> None:
    middle = root / "middle"
    place.rename(middle)
    try:
        (root / other).rename(place)
    finally:
        middle.rename(root / other)


ACTS: dict[str, Callable[..., object]] = {
    "file": write,
    "folder": folder,
    "link": link,
    "remove": remove,
    "rename": lambda root, place, other: place.rename(root / other),
    "hard link": lambda root, place, other: os.link(place, root / other, follow_symlinks=False),
    "pipe": lambda root, place: os.mkfifo(place),
    "mode": lambda root, place, mode: place.chmod(mode),
    "overwrite in disguise": disguise,
    "old": lambda root, place: os.utime(place, (1, 1), follow_symlinks=False),
    "swap": swap,
}


def picture(root: Path) -> dict[str, object]:
    """All that can be told of a tree; asked without following links, and also where a folder is closed."""
    found: dict[str, object] = {}
    for path in [root, *sorted(root.rglob("*"))]:
        facts = path.lstat()
        what: object = None
        if path.is_symlink():
            what = path.readlink()
        elif stat.S_ISREG(facts.st_mode):
            what = path.read_bytes(), facts.st_nlink
        found[str(path.relative_to(root))] = (stat.S_IFMT(facts.st_mode), what, facts.st_mtime_ns, facts.st_mode)
    return found


@pytest.fixture
def folder_of_slot(place: Path) -> Path:
    folder = place / "slot"
    folder.mkdir()
    return folder


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES, spoiled=MUTATIONS, again=MUTATIONS)
def test_a_copy_is_restored_exactly_whatever_was_done_to_it(
    place: Path, tree: list[Any], spoiled: list[Any], again: list[Any]
) -> None:
    with tempfile.TemporaryDirectory(dir=place) as own:
        base = Path(own, "base")
        base.mkdir()
        for step in tree:
            make(base, *step)
        before = picture(base)
        copy = WorkingCopy(base, Path(own))
        root = Path(copy.root)
        assert picture(root) == before
        for mutations in (spoiled, again):
            manifest.wait_for_tick(f"{own}/clock", copy._newest_ns)
            for step in mutations:
                make(root, *step)
            copy.restore()
            assert picture(root) == before
        assert copy.restore() == 0
        assert picture(base) == before
        for path in (*base.rglob("*"), *root.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)  # or they could not be removed


def test_what_is_untouched_is_not_copied_again(tree: Path, folder_of_slot: Path) -> None:
    copy = WorkingCopy(tree, folder_of_slot)
    before = (folder_of_slot / "tree/pkg/other.py").stat()
    copy.apply({"pkg/fill.py": b"pass\n"})
    assert copy.restore() == 2  # the file, and the time of its folder
    after = (folder_of_slot / "tree/pkg/other.py").stat()
    assert (before.st_ino, before.st_ctime_ns) == (after.st_ino, after.st_ctime_ns)


def test_a_fill_is_written_byte_for_byte_with_the_mode_of_the_file(tree: Path, folder_of_slot: Path) -> None:
    copy = WorkingCopy(tree, folder_of_slot)
    copy.apply({"run.sh": b"\xff\r\n", "pkg/fill.py": b"x" * 3_000_000})
    root = Path(copy.root)
    assert (root / "run.sh").read_bytes() == b"\xff\r\n"
    assert stat.S_IMODE((root / "run.sh").stat().st_mode) == 0o755
    assert (root / "pkg/fill.py").stat().st_size == 3_000_000
    assert (tree / "run.sh").read_text() == "#!/bin/sh\nexit 0\n"


@pytest.mark.parametrize(
    "path", ["../outside", "/etc/passwd", "link", "pkg", "new.py", "folder/other.py", "pkg/../data.txt", ""]
)
def test_a_fill_goes_into_a_file_of_the_tree_and_nowhere_else(tree: Path, folder_of_slot: Path, path: str) -> None:
    (tree / "folder").symlink_to("pkg")
    copy = WorkingCopy(tree, folder_of_slot)
    with pytest.raises(InputError, match="no file of the tree"):
        copy.apply({"data.txt": b"not even this one", path: b"x"})
    assert copy.restore() == 0


def test_a_copy_shares_nothing_with_the_tree_that_a_write_could_reach(tree: Path, folder_of_slot: Path) -> None:
    copy = WorkingCopy(tree, folder_of_slot)
    with (folder_of_slot / "tree/data.txt").open("r+") as file:
        file.write("DATA")
    assert (tree / "data.txt").read_text() == "data\n"
    assert (folder_of_slot / "tree/data.txt").stat().st_nlink == 1
    assert copy.restore() > 0


def test_a_tree_that_changed_is_not_mixed_into_the_copy(tree: Path, folder_of_slot: Path) -> None:
    copy = WorkingCopy(tree, folder_of_slot)
    copy.apply({"pkg/fill.py": b"x"})
    (tree / "pkg" / "fill.py").write_text("something else")
    with pytest.raises(BaseChanged):
        copy.restore()


def test_permission_lists_and_other_attributes_of_folders_go(tree: Path, folder_of_slot: Path) -> None:
    copy = WorkingCopy(tree, folder_of_slot)
    try:
        os.setxattr(f"{copy.root}/pkg", "user.mine", b"1")
    except OSError:
        pytest.skip("no attributes on this file system")
    os.setxattr(f"{copy.root}/data.txt", "user.mine", b"1")
    copy.restore()
    assert "user.mine" not in os.listxattr(f"{copy.root}/pkg") + os.listxattr(f"{copy.root}/data.txt")


def test_scratch_is_empty_again(tree: Path, folder_of_slot: Path) -> None:
    copy = WorkingCopy(tree, folder_of_slot)
    Path(copy.scratch, "deep/er").mkdir(parents=True)
    copy.restore()
    assert list(Path(copy.scratch).iterdir()) == []


@pytest.fixture
def clocks() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_the_clock_of_the_file_system_moves_on_before_a_command_starts(clocks: Path) -> None:
    (clocks / "file").write_text("x")
    newest = (clocks / "file").stat().st_ctime_ns
    manifest.wait_for_tick(str(clocks / "clock"), newest)
    (clocks / "file").write_text("y")
    assert (clocks / "file").stat().st_ctime_ns > newest


def test_a_clock_that_stands_still_is_an_error_and_no_endless_wait(
    clocks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "TICK_TRIES", 2)
    with pytest.raises(manifest.ClockStands):
        manifest.wait_for_tick(str(clocks / "clock"), 2**62)
