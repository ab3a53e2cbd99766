"""What is left alone, and that the rest goes on."""

from __future__ import annotations

import os

import pytest

from maze_tasks.errors import Refused
from maze_tasks.patching import checkout

from .conftest import DATA, DONE, Bench, fills_of, refused, statuses


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
