"""Snapshots: the same tree has the same digest everywhere, and an archive can do no harm."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tarfile
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maze_tasks.errors import Refused
from maze_tasks.verification import Damaged, Limits, MissingSnapshot, Snapshots, Trees, archive, snapshot
from maze_tasks.verification.archive import FIXED_MTIME, stays_inside, unpack

STEPS = st.lists(st.sampled_from(["a", "b", "..", "."]), min_size=1, max_size=6).map("/".join)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


@pytest.fixture
def shared(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path / "shared")


def seen(root: Path) -> dict[str, object]:
    return {
        str(path.relative_to(root)): (
            stat.S_IMODE(path.lstat().st_mode),
            path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None,
        )
        for path in root.rglob("*")
    }


def test_a_tree_arrives_as_it_was(tree: Path, shared: Snapshots, folder: Path) -> None:
    (tree / "empty").mkdir(mode=0o750)
    (tree / os.fsdecode(b"not utf-8 \xff")).write_text("x")
    (tree / ("long" * 50)).mkdir()
    (tree / ("long" * 50) / ("name" * 50)).write_text("x")
    snapshot = shared.add(tree)
    with Trees(folder, shared).hold(snapshot.digest) as arrived:
        assert seen(arrived) == seen(tree)
        assert {path.lstat().st_mtime for path in arrived.rglob("*")} == {FIXED_MTIME}
        assert shared.add(arrived).digest == snapshot.digest
    assert (snapshot.entries, snapshot.total_bytes) == (len(seen(tree)), sum(map(len, _texts(tree))))


def _texts(tree: Path) -> list[bytes]:
    return [path.read_bytes() for path in tree.rglob("*") if path.is_file() and not path.is_symlink()]


def test_the_digest_is_that_of_what_counts(tree: Path, shared: Snapshots, tmp_path: Path) -> None:
    first = shared.add(tree)
    before = shared.path(first.digest).read_bytes()
    copied = tmp_path / "copied"
    shutil.copytree(tree, copied, symlinks=True)
    os.utime(copied / "data.txt", (1, 1))
    assert shared.add(copied).digest == first.digest
    assert shared.path(first.digest).read_bytes() == before
    changes: list[Callable[[Path], object]] = [
        lambda root: (root / "data.txt").write_text("atad\n"),
        lambda root: (root / "data.txt").chmod(0o755),
        lambda root: (root / "data.txt").rename(root / "data2.txt"),
        lambda root: (root / "link").replace(root / "data.txt"),
        lambda root: (root / "new").mkdir(),
    ]
    digests = {first.digest}
    for number, change in enumerate(changes):
        changed = tmp_path / f"changed{number}"
        shutil.copytree(tree, changed, symlinks=True)
        change(changed)
        digests.add(shared.add(changed).digest)
    assert len(digests) == len(changes) + 1


def test_histories_caches_keys_and_what_no_archive_can_hold_are_left_out(tree: Path, shared: Snapshots) -> None:
    digest = shared.add(tree).digest
    for name in (".git", "pkg/__pycache__", ".maze"):
        (tree / name).mkdir()
        (tree / name / "file").write_text("x")
    for name in (".env", ".env.local", ".netrc", "pkg/maze.toml"):
        (tree / name).write_text("KEY=secret")
    assert shared.add(tree).left_out == ()
    (tree / "away").symlink_to("/etc/passwd")
    (tree / "up").symlink_to("pkg/../../outside")
    os.mkfifo(tree / "pipe")
    assert shared.add(tree).left_out == ("away", "pipe", "up")
    assert shared.add(tree).digest == digest


def test_what_belongs_can_be_chosen(tree: Path, shared: Snapshots, folder: Path) -> None:
    snapshot = shared.add(tree, lambda path, is_folder: is_folder or path.endswith("other.py"))
    with Trees(folder, shared).hold(snapshot.digest) as arrived:
        assert sorted(seen(arrived)) == ["pkg", "pkg/other.py"]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(entries=3), "more than 3 entries"),
        (Limits(file_bytes=10), "leave it out"),
        (Limits(total_bytes=30), "more than 30 bytes"),
    ],
)
def test_a_tree_that_is_too_large_is_refused_on_both_ends(
    tree: Path, tmp_path: Path, folder: Path, limits: Limits, reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        Snapshots(tmp_path / "shared", limits).add(tree)
    assert list((tmp_path / "shared").iterdir()) == []
    digest = Snapshots(tmp_path / "shared").add(tree).digest
    with pytest.raises(Refused, match=reason), Trees(folder, Snapshots(tmp_path / "shared", limits)).hold(digest):
        pass
    assert [path.name for path in (folder / "trees").iterdir()] == [f"{digest}.lock"]


def test_a_worker_without_the_snapshot_says_so(shared: Snapshots, folder: Path, tree: Path) -> None:
    trees, digest = Trees(folder, shared), "a" * 64
    assert not trees.available(digest)
    with pytest.raises(MissingSnapshot, match="aaaaaaaaaaaa") as caught, trees.hold(digest):
        pass
    assert caught.value.digest == digest
    with pytest.raises(Refused, match="no digest"), trees.hold("../../etc"):
        pass
    mine = shared.add(tree).digest
    with trees.hold(mine):
        shared.remove(mine)
    assert trees.available(mine)


@pytest.mark.parametrize("spoil", [lambda raw: raw[:700], lambda raw: raw.replace(b"data\n", b"DATA\n"), lambda _: b""])
def test_an_archive_that_was_spoilt_is_refused_and_nothing_stays(
    tree: Path, shared: Snapshots, folder: Path, spoil: Callable[[bytes], bytes]
) -> None:
    digest = shared.add(tree).digest
    path = shared.path(digest)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(Damaged), Trees(folder, shared).hold(digest):
        pass
    assert [entry.name for entry in (folder / "trees").iterdir()] == [f"{digest}.lock"]


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


@pytest.mark.parametrize(
    "entries",
    [
        [entry("../escaped")],
        [entry("/escaped")],
        [entry("pkg/../../escaped")],
        [entry("./escaped")],
        [entry("no/parent")],
        [entry("a", tarfile.SYMTYPE, "/etc"), entry("a/escaped")],
        [entry("a", tarfile.SYMTYPE, "..")],
        [entry("a", tarfile.SYMTYPE, "/etc/passwd")],
        [entry("a", tarfile.LNKTYPE, "/etc/passwd")],
        [entry("a", tarfile.FIFOTYPE)],
        [entry("a", tarfile.CHRTYPE)],
        [entry("a", tarfile.BLKTYPE)],
        [entry("a", tarfile.CONTTYPE)],
        [entry("a"), entry("a")],
        [entry("a", tarfile.DIRTYPE), entry("a")],
        [entry("a", mode=0o4755)],
        [entry("")],
    ],
    ids=lambda entries: " ".join(f"{each.name} {each.type.decode()} {each.linkname}" for each in entries),
)
def test_an_archive_that_reaches_out_is_refused_before_it_does(entries: list[tarfile.TarInfo], folder: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for each in entries:
            tar.addfile(each)
    stream.seek(0)
    target = folder / "target"
    target.mkdir()
    with pytest.raises(Damaged, match=r"no tree has|twice"):
        unpack(stream, target, "a" * 64, Limits())
    assert [path.name for path in folder.iterdir()] == ["target"]


def test_a_header_that_asks_for_gigabytes_is_refused(folder: Path) -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 4 << 30
    stream = io.BytesIO(header.tobuf(format=tarfile.GNU_FORMAT) + bytes(4096))
    with pytest.raises(Damaged, match="too large"):
        unpack(stream, folder, "a" * 64, Limits())


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(links=st.lists(st.tuples(st.sampled_from(["l", "d/l", "d/e/l", "d/m"]), STEPS), max_size=4))
def test_links_that_stay_inside_cannot_be_combined_to_lead_out(folder: Path, links: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as own:
        root = Path(own, "root").resolve()
        (root / "d" / "e").mkdir(parents=True)
        for path, target in links:
            if stays_inside(path, target) and not (root / path).is_symlink():
                (root / path).symlink_to(target)
        for path, _ in links:
            try:
                real = (root / path).resolve()
            except (OSError, RuntimeError):  # a circle
                continue
            assert real.is_relative_to(root)


def test_a_file_that_changes_while_it_is_packed_is_refused(
    tree: Path, shared: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = archive._Hashing.read

    def slowly(self: archive._Hashing, size: int = -1) -> bytes:
        with (tree / "data.txt").open("a") as file:
            file.write("more")
        return read(self, size)

    monkeypatch.setattr(archive._Hashing, "read", slowly)
    with pytest.raises(Refused, match="changed while it was read"):
        shared.add(tree)
    assert [path for path in shared.folder.rglob("*") if path.is_file()] == []


def test_many_who_need_a_tree_at_once_all_get_it(tree: Path, shared: Snapshots, folder: Path) -> None:
    digest = shared.add(tree).digest
    meet, arrived = threading.Barrier(4), []

    def work() -> None:
        trees = Trees(folder, shared)
        meet.wait(20)
        with trees.hold(digest) as root:
            arrived.append(seen(root))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert arrived == [seen(tree)] * 4
    assert sorted(path.name for path in (folder / "trees").iterdir()) == [digest, f"{digest}.lock"]


def test_the_sweep_takes_trees_used_longest_ago_and_never_one_in_use(
    tree: Path, shared: Snapshots, folder: Path
) -> None:
    trees, digests = Trees(folder, shared), []
    for number in range(4):
        (tree / "data.txt").write_text(str(number))
        digests.append(shared.add(tree).digest)
        with trees.hold(digests[-1]):
            os.utime(folder / "trees" / f"{digests[-1]}.lock", (number, number))
    with trees.hold(digests[0]):
        os.utime(folder / "trees" / f"{digests[0]}.lock", (0, 0))
        assert trees.sweep(kept=1) == 2
    assert sorted(path.name for path in (folder / "trees").iterdir() if path.is_dir()) == sorted(
        [digests[0], digests[3]]
    )
    with trees.hold(digests[1]) as root:
        assert (root / "data.txt").read_text() == "1"


def test_a_worker_that_sees_many_trees_keeps_few(tree: Path, shared: Snapshots, folder: Path) -> None:
    trees = Trees(folder, shared)
    first = shared.add(tree).digest
    with trees.hold(first) as used:
        for number in range(snapshot.TREES_KEPT + 3):
            (tree / "data.txt").write_text(str(number))
            with trees.hold(shared.add(tree).digest):
                pass
        assert len([path for path in trees.folder.iterdir() if path.is_dir()]) <= snapshot.TREES_KEPT + 2
        assert (used / "data.txt").read_text() == "data\n", "it is in use"


def test_what_a_killed_packer_left_goes_after_a_day(shared: Snapshots, folder: Path) -> None:
    trees = Trees(folder, shared)
    old, new = shared.folder / ".new-old", shared.folder / ".new-new"
    half = folder / "trees" / ".new-half"
    half.mkdir()
    for path in (old, new):
        path.touch()
    for path in (old, half):
        os.utime(path, (1, 1))
    shared.sweep()
    trees.sweep()
    assert (old.exists(), new.exists(), half.exists()) == (False, True, False)


def test_archives_go_that_nobody_packed_for_long_and_no_run_needs(shared: Snapshots, tree: Path) -> None:
    digests = []
    for number in range(3):
        (tree / "data.txt").write_text(str(number))
        digests.append(shared.add(tree).digest)
    for digest in digests[:2]:
        os.utime(shared.path(digest), (1, 1))
    assert shared.sweep({digests[0]}) == 1
    assert [shared.has(digest) for digest in digests] == [True, False, True]


def test_a_folder_that_cannot_be_written_is_refused_by_name(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="file/below: the folder of snapshots cannot be made"):
        Snapshots(tmp_path / "file" / "below")
    shared = Snapshots(tmp_path / "gone")
    shared.folder.rmdir()
    with pytest.raises(Refused, match=r"cannot be packed into .*gone: No such file"):
        shared.add(tree)
