"""Fills into a tree and out again."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.errors import MazeError, Refused
from maze_tasks.patching import FileOutcome, Journal, checkout, plan_patch
from maze_tasks.patching.journal import Record, journal_path
from maze_tasks.source.patcher import Piece

from .conftest import RUN, Bench, fill_at, fills_of, open_descriptors_kept

DATA = b"def f():\n    HOLE\n"
DONE = b"def f():\n    return 1\n"


def refused(outcomes: list[FileOutcome]) -> dict[str, str | None]:
    return {one.path: one.kind for one in outcomes if one.status == "refused"}


def statuses(outcomes: list[FileOutcome]) -> dict[str, str]:
    return {one.path: one.status for one in outcomes}


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


def test_what_changed_since_is_left_alone_and_the_rest_goes_on(bench: Bench) -> None:
    changed = bench.add("a", DATA, "return 1")
    bench.add("b", DATA, "return 1")
    changed.write_bytes(DATA + b"# edited\n")
    assert refused(bench.apply()) == {"a": "changed"}
    assert bench.files() == {"a": DATA + b"# edited\n", "b": DONE}
    (bench.root / "b").write_bytes(DONE + b"# edited\n")
    assert refused(bench.reverse()) == {"b": "changed"}
    assert bench.files()["b"] == DONE + b"# edited\n"


def test_one_wrong_fill_leaves_its_whole_file_alone(bench: Bench) -> None:
    bench.add("a", b"HOLE HOLE", "fine", "snow \N{SNOWMAN}", encoding="ascii")
    bench.add("b", b"HOLE", "fine")
    bench.fills += fills_of("b", b"HOLE", "twice", first=1)
    assert refused(bench.apply()) == {"a": "encoding", "b": "overlap"}
    assert bench.files() == {"a": b"HOLE HOLE", "b": b"HOLE"}


def test_a_file_whose_fills_come_from_different_scans_is_left_alone(bench: Bench) -> None:
    bench.add("a", b"HOLE HOLE", "one")
    bench.fills += fills_of("a", b"HOLE HOLE and more", "two", first=1)
    assert refused(bench.apply()) == {"a": "changed"}


@pytest.mark.parametrize(
    "path",
    ["/etc/hostname", "../outside", "src/../../outside", "./a", "src//a", "src/", "a\0b", ".git/hooks/x", "src/.GIT/x",
     ".Git /x", ".g\N{ZERO WIDTH NON-JOINER}it/config", "GIT~1/config", ".git::$INDEX_ALLOCATION/x", ".maze/data/x"],
)  # fmt: skip
def test_paths_that_lead_out_or_to_no_source_are_refused(bench: Bench, path: str) -> None:
    (bench.root.parent / "outside").write_bytes(b"HOLE")
    (bench.root / "src").mkdir()
    (bench.root / "a").write_bytes(b"HOLE")
    bench.fills = fills_of(path, b"HOLE", "x")
    assert refused(bench.apply()) == {path: "path"}
    assert (bench.root.parent / "outside").read_bytes() == b"HOLE"


def test_links_are_not_followed_not_even_within_the_tree(bench: Bench) -> None:
    outside = bench.root.parent / "outside"
    outside.mkdir()
    (outside / "a").write_bytes(b"HOLE")
    (bench.root / "folder").symlink_to(outside)
    (bench.root / "deep").mkdir()
    (bench.root / "deep" / "folder").symlink_to("../../outside")
    (bench.root / "file").symlink_to(outside / "a")
    (bench.root / "inside").symlink_to("real")
    bench.add("real", b"HOLE", "x")
    for path in ("folder/a", "deep/folder/a", "file", "inside"):
        bench.fills += fills_of(path, b"HOLE", "x")
    found = bench.apply()
    assert refused(found) == dict.fromkeys(("folder/a", "deep/folder/a", "file", "inside"), "link")
    assert "symbolic link, 'folder'" in str(next(one for one in found if one.path == "deep/folder/a").reason)
    assert (outside / "a").read_bytes() == b"HOLE"
    assert bench.files()["real"] == b"x"


def test_a_folder_that_became_a_link_does_not_lead_the_way_back_out(bench: Bench) -> None:
    bench.add("src/a", b"HOLE", "x")
    bench.apply()
    (bench.root / "src").rename(bench.root.parent / "moved")
    (bench.root / "src").symlink_to(bench.root.parent / "moved")
    assert refused(bench.reverse()) == {"src/a": "link"}
    assert (bench.root.parent / "moved" / "a").read_bytes() == b"x"


def test_what_is_missing_or_no_file_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.add("file", b"HOLE")
    bench.add("large", b"HOLE" * 10)
    (bench.root / "folder").mkdir()
    os.mkfifo(bench.root / "pipe")
    monkeypatch.setattr(checkout, "MAX_FILE_BYTES", 39)
    kinds = {
        "gone": "missing",
        "gone/a": "missing",
        "file/a": "missing",
        "folder": "not_a_file",
        "pipe": "not_a_file",
        "large": "too_large",
        "n" * 300: "system",
    }
    for path in kinds:
        bench.fills += fills_of(path, b"HOLE", "x")
    assert refused(bench.apply()) == kinds


def test_the_root_may_be_a_link_but_must_be_there(bench: Bench) -> None:
    bench.add("a", b"HOLE", "x")
    link = bench.root.with_name("link")
    link.symlink_to(bench.root)
    bench.root = link
    assert statuses(bench.apply()) == {"a": "applied"}
    bench.root = link / "a"
    with pytest.raises(Refused, match=r"--root: .*Not a directory"):
        bench.apply()


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


def test_what_is_read_only_is_left_alone_and_the_rest_goes_on(bench: Bench) -> None:
    bench.add("a", b"HOLE", "x").chmod(0o444)
    folder = bench.add("src/b", b"HOLE", "x").parent
    bench.add("src/c/d", b"HOLE", "x")
    folder.chmod(0o555)
    try:
        found, checked = bench.apply(), bench.apply(check=True)
    finally:
        folder.chmod(0o755)
    assert refused(found) == refused(checked) == {"a": "permission", "src/b": "permission"}
    assert [one.reason for one in found if one.reason] == ["is read-only", "is in a folder that is read-only"]
    assert bench.files() == {"a": b"HOLE", "src/b": b"HOLE", "src/c/d": b"x"}


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


def test_one_command_at_a_time_has_a_journal(bench: Bench) -> None:
    bench.add("a", b"HOLE", "x")
    with Journal.open(bench.state, RUN, writing=True), pytest.raises(Refused, match="another command is at work"):
        bench.apply()


def test_journals_stay_in_their_folder_and_apart(tmp_path: Path) -> None:
    names = ["..", "../x", "a", "A", "a/b", "漢" * 100, "x" * 100, "x" * 99 + "y"]
    paths = [journal_path(tmp_path, name) for name in names]
    assert {path.parent for path in paths} == {tmp_path / "patches"}
    assert len({path.name.casefold() for path in paths}) == len(names)
    assert all(len(path.name) < 120 for path in paths)


def test_a_journal_that_cannot_be_used_is_named(bench: Bench) -> None:
    path = journal_path(bench.state, RUN)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(MazeError, match="not a database"):
        bench.reverse()
    path.unlink()
    path.mkdir()
    with pytest.raises(MazeError, match="unable to open"):
        bench.apply()


def test_a_journal_of_a_newer_version_is_left_alone(bench: Bench) -> None:
    with Journal.open(bench.state, RUN, writing=True):
        pass
    with closing(sqlite3.connect(journal_path(bench.state, RUN))) as rows:
        rows.execute("PRAGMA user_version = 2")
    with pytest.raises(Refused, match="newer version"):
        bench.apply()


def test_a_damaged_record_restores_nothing(bench: Bench) -> None:
    bench.add("a", b"HOLE", "x")
    bench.apply()
    with Journal.open(bench.state, RUN, writing=True) as journal:
        (good,) = journal.records()
        journal.add(Record(good.path, good.before, good.after, (Piece(0, 1, b"HALE"),)))
    assert refused(bench.reverse()) == {"a": "system"}
    assert bench.files() == {"a": b"x"}


def test_holes_without_a_place_or_a_fill_are_counted(bench: Bench) -> None:
    bench.add("a", b"HOLE HOLE", "x", None)
    bench.fills += [fill_at(number, None, "code") for number in range(7)]
    with plan_patch(bench.fills) as plan:
        assert (plan.fills, plan.unfilled, plan.placeless, plan.placeless_ids) == (1, 1, 7, [0, 1, 2, 3, 4])
        assert [one.path for one in plan.files()] == ["a"]


CONTENTS = st.lists(st.sampled_from([b"HOLE", b"\n", b"\r\n", b"x", b"\xe9", b"\0", b"\xef\xbb\xbf"]), max_size=12)


@settings(max_examples=30, deadline=None)
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
