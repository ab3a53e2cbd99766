"""Fills into a tree and out again."""

from __future__ import annotations

import fcntl
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.patching import checkout, plan_patch

from .conftest import DATA, DONE, Bench, fill_at, fills_of, open_descriptors_kept, refused, statuses


def test_fills_are_written_and_taken_out_again(bench: Bench) -> None:
    bench.add("a.py", DATA, "return 1")
    bench.add("src/b.py", b"\xef\xbb\xbfHOLE\r\nHOLE", "é\n", "x", newline="\r\n")
    before = bench.files()
    with open_descriptors_kept():
        assert statuses(bench.apply()) == {"a.py": "applied", "src/b.py": "applied"}
        assert bench.files() == {"a.py": DONE, "src/b.py": b"\xef\xbb\xbf\xc3\xa9\r\n\r\nx"}
        assert statuses(bench.reverse()) == {"a.py": "restored", "src/b.py": "restored"}
    assert bench.files() == before


def test_an_outcome_names_its_holes_wherever_they_stood_in_the_run(bench: Bench) -> None:
    bench.add("b", b"HOLE HOLE", "1", "2")
    bench.add("a", b"HOLE", "3")
    bench.fills[1:] = reversed(bench.fills[1:])
    found = bench.apply()
    assert [(one.path, one.holes) for one in found] == [("a", ("a#0",)), ("b", ("b#0", "b#1"))]
    assert found[0].report() == {
        "path": "a",
        "status": "applied",
        "holes": ("a#0",),
        "kind": None,
        "reason": None,
        "notes": (),
    }


def test_all_may_be_repeated(bench: Bench) -> None:
    bench.add("a.py", DATA, "return 1")
    for _ in range(2):
        bench.apply()
        assert statuses(bench.apply()) == {"a.py": "already"}
        assert bench.files() == {"a.py": DONE}
        bench.reverse()
        assert statuses(bench.reverse()) == {"a.py": "already"}
        assert bench.files() == {"a.py": DATA}


def test_check_writes_nothing_and_says_the_same(bench: Bench) -> None:
    bench.add("a.py", DATA, "return 1")
    bench.add("b.py", DATA, "return 1").write_bytes(b"other")
    before = bench.files()
    checked = bench.apply(check=True)
    assert statuses(checked) == {"a.py": "would_apply", "b.py": "refused"}
    assert bench.files() == before
    assert not bench.state.exists()
    bench.apply()
    before = bench.files()
    assert statuses(bench.reverse(check=True)) == {"a.py": "would_restore"}
    assert bench.files() == before


def test_holes_that_are_filled_later_go_in_later_and_all_come_out(bench: Bench) -> None:
    data = b"HOLE\nHOLE\n"
    bench.add("a", data, "first longer", None)
    bench.apply()
    assert bench.files() == {"a": b"first longer\nHOLE\n"}
    bench.fills = fills_of("a", data, "first longer", "second")
    assert b"-HOLE\n+second\n" in bench.diffs()[0].text
    assert statuses(bench.apply()) == {"a": "applied"}
    assert bench.files() == {"a": b"first longer\nsecond\n"}
    assert statuses(bench.reverse()) == {"a": "restored"}
    assert bench.files() == {"a": data}


def test_a_fill_that_changes_nothing_is_already_there(bench: Bench) -> None:
    bench.add("a", b"HOLE", "HOLE")
    assert statuses(bench.apply()) == {"a": "already"}
    assert bench.diffs()[0].text == b""
    assert bench.reverse() == []


def test_a_copy_of_the_tree_can_be_restored_as_well(bench: Bench) -> None:
    bench.add("a", DATA, "return 1")
    bench.apply()
    bench.root = bench.root.rename(bench.root.with_name("elsewhere"))
    bench.reverse()
    assert bench.files() == {"a": DATA}


def test_mode_and_attributes_stay(bench: Bench) -> None:
    file = bench.add("a.sh", b"HOLE", "x")
    file.chmod(0o751)
    try:
        os.setxattr(file, "user.kept", b"1")
    except OSError:
        pytest.skip("the file system has no extended attributes")
    bench.apply()
    assert stat.S_IMODE(file.stat().st_mode) == 0o751
    assert os.getxattr(file, "user.kept") == b"1"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_stays_where_the_system_allows_it(bench: Bench) -> None:
    file = bench.add("a", b"HOLE", "x")
    os.chown(file, 1234, 5678)
    file.chmod(0o4755)
    bench.apply()
    now = file.stat()
    assert (now.st_uid, now.st_gid, stat.S_IMODE(now.st_mode)) == (1234, 5678, 0o4755)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_an_owner_that_cannot_be_kept_takes_its_special_rights_along(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = bench.add("a", b"HOLE", "x")
    os.chown(file, 1234, 5678)
    file.chmod(0o4755)

    def forbidden(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "fchown", forbidden)
    bench.apply()
    assert stat.S_IMODE(file.stat().st_mode) == 0o755


def test_a_hard_link_is_noted_and_its_other_name_keeps_what_it_was(bench: Bench) -> None:
    file = bench.add("a", b"HOLE", "x")
    os.link(file, bench.root / "b")
    (found,) = bench.apply()
    assert found.notes == ("the file has 2 names (hard links); only this one gets the new content",)
    assert bench.files() == {"a": b"x", "b": b"HOLE"}


def test_a_file_that_somebody_saves_meanwhile_is_not_overwritten(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    file = bench.add("a", b"HOLE", "x")
    monkeypatch.setattr(checkout, "_keep_attributes", lambda *_: file.write_bytes(b"saved"))
    assert refused(bench.apply()) == {"a": "changed"}
    assert bench.files() == {"a": b"saved"}


def test_a_file_that_another_command_writes_is_left_alone(bench: Bench) -> None:
    file = bench.add("a", b"HOLE", "x")
    bench.add("b", b"HOLE", "x")
    draft = bench.root / checkout.draft_name("a")
    with file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        draft.write_bytes(b"half of what the other one writes")
        assert refused(bench.apply()) == {"a": "changed"}
        assert statuses(bench.reverse()) == {"a": "already", "b": "restored"}
        assert draft.exists()
    assert statuses(bench.apply()) == {"a": "applied", "b": "applied"}
    assert bench.files() == {"a": b"x", "b": b"x"}


def test_two_runs_at_once_leave_each_file_to_one_of_them(tmp_path: Path) -> None:
    benches = [Bench(tmp_path / name) for name in ("one", "other") if not (tmp_path / name).mkdir()]
    for bench in benches:
        bench.root = benches[0].root
        for number in range(50):
            bench.add(f"f{number}", b"HOLE", bench.state.parent.name * 1000)
    with ThreadPoolExecutor(2) as threads:
        told = list(threads.map(lambda bench: statuses(bench.apply()), benches))
    for name, data in benches[0].files().items():
        (writer,) = [bench for bench, found in zip(benches, told, strict=True) if found[name] == "applied"]
        assert data == (writer.state.parent.name * 1000).encode()
        assert {found[name] for found in told} == {"applied", "refused"}


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_full_disk_leaves_the_file_and_nothing_else(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    bench.add("a", b"HOLE", "x")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, moment, full)
    (found,) = bench.apply()
    assert (found.kind, found.reason) == ("system", "cannot be used: No space left on device")
    assert bench.files() == {"a": b"HOLE"}


@pytest.mark.parametrize("moment", ["fsync", "replace", "rename"])
def test_an_interrupted_command_is_made_good_by_the_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Killed between any two steps: what a kill leaves is left here by keeping the clean-up from running."""
    for name in ("a", "b", "c"):
        bench.add(name, b"HOLE", "x")
    before = bench.files()
    with monkeypatch.context() as patched:
        calls: list[object] = []

        def killed(*arguments: object, **named: object) -> None:
            calls.append(arguments)
            if len(calls) == 2:
                if moment == "rename":
                    real(*arguments, **named)
                raise KeyboardInterrupt
            real(*arguments, **named)

        which = "replace" if moment == "rename" else moment
        real = getattr(os, which)
        patched.setattr(os, which, killed)
        patched.setattr(checkout.SourceFile, "drop_draft", lambda _: None)
        with pytest.raises(KeyboardInterrupt):
            bench.apply()
    assert bench.files()["a"] == b"x"
    assert set(statuses(bench.apply()).values()) <= {"applied", "already"}
    assert bench.files() == dict.fromkeys("abc", b"x")
    bench.reverse()
    assert bench.files() == before


def test_a_draft_that_a_kill_left_goes_with_the_next_command(bench: Bench) -> None:
    bench.add("a", b"HOLE", "x")
    bench.apply()
    draft = bench.root / checkout.draft_name("a")
    for command in (bench.apply, bench.reverse, bench.reverse):
        draft.write_bytes(b"half")
        command()
        assert not draft.exists()


def test_holes_without_a_place_or_a_fill_are_counted(bench: Bench) -> None:
    bench.add("a", b"HOLE HOLE", "x", None)
    bench.fills += [fill_at(number, None, "code") for number in range(7)]
    with plan_patch(bench.fills) as plan:
        assert (plan.fills, plan.unfilled, plan.placeless, plan.placeless_ids) == (1, 1, 7, [0, 1, 2, 3, 4])
        assert [one.path for one in plan.files()] == ["a"]


CONTENTS = st.lists(st.sampled_from([b"HOLE", b"\n", b"\r\n", b"x", b"\xe9", b"\0", b"\xef\xbb\xbf"]), max_size=12)


@settings(max_examples=15, deadline=None)
@given(st.lists(CONTENTS.map(b"".join), min_size=1, max_size=4), st.data())
def test_whatever_goes_in_comes_out_again(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], data: st.DataObject
) -> None:
    bench = Bench(tmp_path_factory.mktemp("bench"))
    for number, content in enumerate(contents):
        codes = [data.draw(st.none() | st.text(max_size=5)) for _ in range(content.count(b"HOLE"))]
        bench.add(f"f{number}", content, *codes, newline=data.draw(st.sampled_from(["\n", "\r\n"])))
    before = bench.files()
    assert refused(bench.apply()) == {}
    assert set(statuses(bench.apply()).values()) <= {"already"}
    assert refused(bench.reverse()) == {}
    assert bench.files() == before
