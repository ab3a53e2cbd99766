"""Slots: kept warm, locked by whoever uses them, cleaned up after those who were killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from maze_tasks.errors import InputError, Refused
from maze_tasks.verification import copies as module
from maze_tasks.verification.copies import Copies
from maze_tasks.verification.launch import sandbox_uid
from maze_tasks.verification.removal import empty_all_trash, remove
from maze_tasks.verification.working_copy import WorkingCopy


@pytest.fixture
def other(tmp_path: Path) -> Path:
    root = tmp_path / "other"
    root.mkdir()
    (root / "only.txt").write_text("other")
    return root


def inode(copies: Copies, tree: Path, key: str) -> tuple[str, int]:
    with copies.take(tree, key) as copy:
        return copy.root, Path(copy.root).stat().st_ino


def test_a_copy_is_kept_for_the_next_of_the_same_tree(place: Path, tree: Path, other: Path) -> None:
    copies = Copies(place)
    first = inode(copies, tree, "tree")
    assert inode(copies, tree, "tree") == first
    again = inode(copies, other, "other")
    assert again[0] == first[0]
    with copies.take(other, "other") as copy:
        assert [path.name for path in Path(copy.root).iterdir()] == ["only.txt"]
    copies.close()
    assert not (place / "slots/0/tree").exists()


def test_those_used_at_the_same_time_are_apart(place: Path, tree: Path) -> None:
    first, second = Copies(place), Copies(place)
    with first.take(tree, "t") as one, first.take(tree, "t") as two, second.take(tree, "t") as three:
        assert len({one.root, two.root, three.root}) == 3
        if os.geteuid() == 0:
            assert len({one.uid, two.uid, three.uid}) == 3
            assert Path(one.root, "data.txt").stat().st_uid == one.uid == sandbox_uid(0)
    first.close()
    second.close()


def _spoil_and_fail(copy: WorkingCopy) -> None:
    copy.apply({"data.txt": b"spoilt"})
    copy.apply({"no such file": b""})


def test_a_copy_is_restored_when_it_is_given_back_also_after_an_error(place: Path, tree: Path) -> None:
    copies = Copies(place)
    with pytest.raises(InputError), copies.take(tree, "t") as copy:
        _spoil_and_fail(copy)
    assert Path(copy.root, "data.txt").read_text() == "data\n"
    copies.close()


def test_one_that_may_still_be_written_to_is_never_used_again(place: Path, tree: Path) -> None:
    copies = Copies(place)
    with copies.take(tree, "t") as copy:
        before = Path(copy.root).stat().st_ino
        Path(copy.root, "left").touch()
        late = os.open(copy.root, os.O_RDONLY)
        copy.spoilt = True
    with copies.take(tree, "t") as copy:
        assert Path(copy.root).stat().st_ino != before or not Path(copy.root, "left").exists()
        with pytest.raises(OSError):
            os.open("late", os.O_CREAT | os.O_WRONLY, dir_fd=late)
        assert not Path(copy.root, "late").exists()
    os.close(late)
    copies.close()


def test_one_that_cannot_be_restored_is_made_afresh(place: Path, tree: Path) -> None:
    copies = Copies(place)
    with copies.take(tree, "t") as copy:
        copy.apply({"data.txt": b"spoilt"})
        (tree / "data.txt").write_text("newer")
    with copies.take(tree, "t") as copy:
        assert Path(copy.root, "data.txt").read_text() == "newer"
    copies.close()


def test_threads_get_copies_of_their_own(place: Path, tree: Path) -> None:
    copies, roots, meet = Copies(place), [], threading.Barrier(4)

    def work() -> None:
        with copies.take(tree, "t") as copy:
            meet.wait(20)
            roots.append(copy.root)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(roots)) == 4
    copies.close()


def test_when_all_are_in_use_that_is_said(place: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UIDS", 2)
    copies = Copies(place)
    with copies.take(tree, "t"), pytest.raises(Refused, match="in use"), copies.take(tree, "t"):
        pass
    copies.close()


def test_a_forked_process_leaves_the_copies_of_its_parent_alone(place: Path, tree: Path) -> None:
    copies = Copies(place)
    mine = inode(copies, tree, "t")[0]
    child = os.fork()
    if child == 0:
        theirs = inode(copies, tree, "t")[0]
        os._exit(0 if theirs != mine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert inode(copies, tree, "t")[0] == mine
    copies.close()


def test_what_a_killed_worker_left_is_removed_and_its_slot_used_again(place: Path, tree: Path) -> None:
    script = f"""
        import sys, time
        from pathlib import Path
        from maze_tasks.verification.copies import Copies
        copies = Copies(Path({str(place)!r}))
        with copies.take(Path({str(tree)!r}), "t") as copy:
            Path(copy.root, "poison").mkdir()
            print("ready", flush=True)
            time.sleep(600)
    """
    worker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE)
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"ready\n"
    living = Copies(place)
    assert living.sweep() == 0
    assert inode(living, tree, "t")[0].endswith("/1/tree")
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    assert (place / "slots/0/tree/poison").exists()
    assert living.sweep() == 1
    assert not (place / "slots/0/tree").exists()
    assert inode(Copies(place), tree, "t")[0].endswith("/0/tree")
    living.close()


def test_a_removal_that_was_interrupted_is_finished_later(place: Path) -> None:
    (place / ".trash-1/0/deep").mkdir(parents=True)
    (place / ".trash-1/file").touch()
    empty_all_trash(place)
    assert list(place.iterdir()) == []


def test_a_removal_follows_no_links_and_reaches_any_depth(place: Path) -> None:
    (place / "kept").mkdir()
    (place / "kept/file").touch()
    top = place / "top"
    top.mkdir()
    (top / "link").symlink_to(place / "kept")
    here = os.open(top, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deep", dir_fd=here)
        below = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.symlink(place / "kept", "link", dir_fd=below)
        os.close(here)
        here = below
    os.close(here)
    remove(str(top), str(place))
    remove(str(top), str(place))
    assert [path.name for path in place.iterdir()] == ["kept"]
    assert (place / "kept/file").exists()
