"""Source files of a checkout, and its traps."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from maze_tasks.errors import InputError, Refused
from maze_tasks.models import Hole
from maze_tasks.source.scanner import scan
from maze_tasks.source.skipping import Reason
from maze_tasks.source.tree import Choice, Skipped, SourceFile, Summary, scan_tree, source_files
from maze_tasks.syntax import ParseBudgetSpent

STUB = "def f():\n    pass\n"


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    return root


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def read(root: Path, choice: Choice = Choice()) -> list[str]:  # noqa: B008 - a frozen value
    return [seen.path for seen in source_files(root, choice) if isinstance(seen, SourceFile)]


def skipped(root: Path, choice: Choice = Choice()) -> dict[str, Reason]:  # noqa: B008
    return {seen.path: seen.reason for seen in source_files(root, choice) if isinstance(seen, Skipped)}


def test_files_come_in_the_order_of_their_paths(root: Path) -> None:
    names = ["b.py", "a/z.py", "a.py", "a-b/x.py", "a/b/c.rs", "B.py", "ä.py", "a/README.md", "Makefile"]
    write(root, dict.fromkeys(names, STUB))
    assert read(root) == ["B.py", "a-b/x.py", "a.py", "a/b/c.rs", "a/z.py", "b.py", "ä.py"]


def test_nested_rules_let_in_and_leave_out(root: Path) -> None:
    write(
        root,
        {
            ".gitignore": "*.gen.py\nout/\n/local.py\n!keep.gen.py\n",
            "a.gen.py": STUB,
            "keep.gen.py": STUB,
            "local.py": STUB,
            "out/a.py": STUB,
            "sub/.gitignore": "!x.gen.py\n*.rs\nout\n",
            "sub/local.py": STUB,
            "sub/x.gen.py": STUB,
            "sub/a.rs": "",
            "sub/out.py": STUB,
            "sub/deep/out/!keep.py": STUB,
        },
    )
    assert read(root, Choice(vendored=True)) == ["keep.gen.py", "sub/local.py", "sub/out.py", "sub/x.gen.py"]
    assert skipped(root)["out"] is Reason.IGNORED


def test_rules_of_the_checkout_above_hold_in_a_folder_of_it(root: Path) -> None:
    write(
        root,
        {
            ".git/info/exclude": "secret.py\n",
            ".gitignore": "/sub/a.py\nb.py\nbuild/\n",
            "sub/a.py": STUB,
            "sub/b.py": STUB,
            "sub/c.py": STUB,
            "sub/secret.py": STUB,
            "build/b.py": STUB,
            "build/c.py": STUB,
        },
    )
    assert read(root / "sub") == ["c.py"]
    assert read(root / "build") == ["b.py", "c.py"], "a folder that is asked for by name is read"
    assert read(root) == ["sub/c.py"]


def test_what_git_keeps_is_read_though_its_rules_leave_it_out(root: Path) -> None:
    write(root, {".gitignore": "build/\n*_local.py\n", "build/kept/a.py": STUB, "build/made.py": STUB})
    write(root, {"build/other/b.py": STUB, "x_local.py": STUB, "y_local.py": STUB, "sub/z_local.py": STUB})
    git = ["git", "-C", str(root), "-c", "core.autocrlf=false"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-f", "build/kept/a.py", "x_local.py", "sub/z_local.py"], check=True)
    assert read(root) == ["build/kept/a.py", "sub/z_local.py", "x_local.py"]
    assert skipped(root) == dict.fromkeys(["build/made.py", "build/other", "y_local.py"], Reason.IGNORED)
    assert read(root / "sub") == ["z_local.py"]
    (root / ".git" / "index").write_bytes(b"no index")
    assert read(root) == []


def test_a_worktree_keeps_the_rules_of_its_repository(root: Path, tmp_path: Path) -> None:
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "a"], check=True)
    subprocess.run([*git, "worktree", "add", "-q", str(tmp_path / "other")], check=True)
    (root / ".git" / "info" / "exclude").write_text("private.py\n")
    write(tmp_path / "other", {"private.py": STUB, "a.py": STUB})
    assert read(tmp_path / "other") == ["a.py"]
    (tmp_path / "other" / ".git").write_bytes(b"gitdir: a\0b\n")
    assert read(tmp_path / "other") == ["a.py", "private.py"]


def test_rules_outside_of_the_checkout_do_not_hold(root: Path) -> None:
    write(root.parent, {".gitignore": "*.py\n"})
    write(root, {".git/HEAD": "", "a.py": STUB})
    assert read(root) == ["a.py"]


@pytest.mark.parametrize(
    "folder",
    ["node_modules", "vendor", "third_party", ".venv", "lib/site-packages", "x.egg-info", "deep/node_modules/y"],
)
def test_code_of_others_is_passed_over(root: Path, folder: str) -> None:
    write(root, {f"{folder}/a.py": STUB, "b.py": STUB})
    assert read(root) == ["b.py"]
    assert set(skipped(root).values()) == {Reason.VENDORED}
    assert len(read(root, Choice(vendored=True))) == 2


def test_environments_caches_and_submodules_are_told_by_what_is_in_them(root: Path) -> None:
    write(
        root,
        {
            ".git/HEAD": "",
            "env/pyvenv.cfg": "",
            "env/a.py": STUB,
            "target/CACHEDIR.TAG": "",
            "target/a.rs": "",
            "sub/.git": "gitdir: ../.git/modules/sub",
            "sub/a.py": STUB,
            "a.py": STUB,
        },
    )
    assert read(root) == ["a.py"]


def test_a_folder_of_checkouts_is_read_with_the_rules_of_each(root: Path) -> None:
    write(
        root, {"one/.git/HEAD": "", "one/a.py": STUB, "two/.git/HEAD": "", "two/.gitignore": "b.py", "two/b.py": STUB}
    )
    assert read(root) == ["one/a.py"]


def test_an_environment_that_is_asked_for_is_read(root: Path) -> None:
    write(root, {"site-packages/pyvenv.cfg": "", "site-packages/a.py": STUB})
    assert read(root / "site-packages") == ["a.py"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a_pb2.py", ""),
        ("a_pb2_grpc.py", ""),
        ("a.pb.go", ""),
        ("jquery.min.js", ""),
        ("a.generated.ts", ""),
        ("zz_generated.deepcopy.go", ""),
        ("a.go", "// Code generated by protoc-gen-go. DO NOT EDIT.\npackage a\n"),
        ("a.py", "#!/usr/bin/env python\n# @generated by x\n"),
        ("a.rs", "/*\n * This file is automatically generated.\n */\n"),
        ("a.py", "# Generated by the protocol buffer compiler.  DO NOT EDIT!\n"),
        ("a.ts", "/* eslint-disable */\n// AUTO-GENERATED FILE\n"),
        ("a.js", "var a=1;" * 1000),
        ("bundle.mjs", "// licence\n" + "f(1);" * 1000 + "\n"),
    ],
)
def test_generated_files_are_passed_over(root: Path, name: str, text: str) -> None:
    write(root, {name: text + STUB})
    assert skipped(root) == {name: Reason.GENERATED}
    assert read(root, Choice(vendored=True)) == [name]


@pytest.mark.parametrize(
    "text",
    [
        'MARK = "@generated"\n',
        "# finds '@generated' marks\n",
        "x = 1\n" * 2000 + "# @generated\n",
        "# The key is generated from the name.\n",
        "# do not edit by hand\n",
        f"x = {'a' * 5000!r}\n",
    ],
)
def test_files_that_only_speak_of_generated_code_are_read(root: Path, text: str) -> None:
    write(root, {"a.py": text})
    assert read(root) == ["a.py"]


def test_binary_large_and_empty_files(root: Path) -> None:
    write(root, {"a.py": b"x = 1\n\0", "b.py": "#" * 101, "c.py": "#" * 100, "d.py": ""})
    assert read(root, Choice(max_bytes=100)) == ["c.py", "d.py"]
    assert skipped(root, Choice(max_bytes=100)) == {"a.py": Reason.BINARY, "b.py": Reason.OVERSIZED}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_text_that_is_not_utf_8_is_reported_though_git_calls_it_binary(root: Path, encoding: str) -> None:
    write(root, {"a.cpp": ("\ufeff" if encoding.endswith("be") else "").encode(encoding) + STUB.encode(encoding)})
    assert list(source_files(root, Choice())) == [Skipped("a.cpp", Reason.UNDECODABLE, "is UTF-16, not UTF-8")]


def test_no_link_is_followed(root: Path) -> None:
    write(root, {"a.py": STUB, "sub/b.py": STUB})
    write(root.parent, {"outside/secret.py": STUB})
    (root / "file.py").symlink_to(root.parent / "outside" / "secret.py")
    (root / "inner.py").symlink_to("a.py")
    (root / "folder").symlink_to(root.parent / "outside")
    (root / "sub" / "loop").symlink_to(root)
    (root / "sub" / "self.py").symlink_to("self.py")
    (root / "dangling.py").symlink_to("nowhere")
    (root / "circle").symlink_to("circle")
    assert read(root) == ["a.py", "sub/b.py"]
    assert set(skipped(root).values()) == {Reason.LINK}
    assert len(skipped(root)) == 6


def test_a_root_that_is_a_link_is_the_folder_it_points_to(root: Path) -> None:
    write(root, {"a.py": STUB})
    link = root.parent / "link"
    link.symlink_to(root)
    assert read(link) == ["a.py"]


def test_rules_behind_a_link_are_not_read(root: Path) -> None:
    write(root, {"a.py": STUB})
    write(root.parent, {"rules": "*.py\n"})
    (root / ".gitignore").symlink_to(root.parent / "rules")
    assert read(root) == ["a.py"]


def test_what_is_no_regular_file_is_passed_over(root: Path) -> None:
    write(root, {"a.py": STUB})
    os.mkfifo(root / "pipe.py")
    (root / "folder.py").mkdir()
    assert read(root) == ["a.py"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_reported(root: Path) -> None:
    write(root, {"a.py": STUB, "b.py": STUB, "sub/c.py": STUB})
    (root / "a.py").chmod(0)
    (root / "sub").chmod(0)
    try:
        assert skipped(root) == {"a.py": Reason.UNREADABLE, "sub": Reason.UNREADABLE}
        assert read(root) == ["b.py"]
    finally:
        (root / "sub").chmod(0o700)


def test_what_goes_away_meanwhile_is_reported(root: Path) -> None:
    write(root, {"a.py": STUB, "b.py": STUB, "c/d.py": STUB, "e.py": STUB})
    found = source_files(root, Choice())
    assert isinstance(next(found), SourceFile)
    (root / "b.py").unlink()
    (root / "c" / "d.py").unlink()
    (root / "c").rmdir()
    reasons = [(seen.path, seen.reason if isinstance(seen, Skipped) else None) for seen in found]
    assert reasons == [("b.py", Reason.UNREADABLE), ("c", Reason.UNREADABLE), ("e.py", None)]


def test_a_file_that_takes_too_long_is_reported(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(path: str, data: bytes, language: str, *, todo: bool) -> Iterator[Hole]:
        if path == "a.py":
            raise ParseBudgetSpent(language, 1.0)
        return scan(path, data, language, todo=todo)

    monkeypatch.setattr("maze_tasks.source.tree.scan", slow)
    write(root, {"a.py": STUB, "b.py": STUB})
    reports: list[Skipped] = []
    assert [hole.path for hole in scan_tree(root, Choice(), Summary(), reports.append)] == ["b.py"]
    assert reports == [Skipped("a.py", Reason.UNPARSED, "not parsed as python within 1 s")]


def test_a_pipe_that_is_asked_for_is_reported_and_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "pipe.py")
    assert skipped(root / "pipe.py") == {"pipe.py": Reason.UNREADABLE}


def test_a_name_that_is_no_text_is_reported(root: Path) -> None:
    write(root, {"b.py": STUB})
    Path(os.fsdecode(os.fsencode(root) + b"/\xff.py")).write_text(STUB)
    assert read(root) == ["b.py"]
    assert skipped(root) == {"\\xff.py": Reason.UNREADABLE}


def test_a_tree_deeper_than_pythons_stack_is_read(root: Path) -> None:
    folder = root
    descriptor = os.open(folder, os.O_RDONLY)
    depth = 1050
    for _ in range(depth):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    with os.fdopen(os.open("a.py", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor), "w") as stream:
        stream.write(STUB)
    os.close(descriptor)
    try:
        assert read(root) == ["d/" * depth + "a.py"]
    finally:
        subprocess.run(["rm", "-rf", str(root / "d")], check=True)  # pytest's own clearing up would not get that deep


def test_one_file_is_read_whatever_the_rules_say(root: Path) -> None:
    write(root, {".gitignore": "*.py\n", "sub/a.py": STUB, "sub/README.md": ""})
    assert read(root / "sub" / "a.py") == ["a.py"]
    assert read(root / "sub" / "README.md") == []


def test_languages_and_globs_choose(root: Path) -> None:
    write(root, dict.fromkeys(["a.py", "b.rs", "src/c.py", "src/d.h", "test/e.py"], "x"))
    write(root, {"src/f.h": "class A {\n};\n"})
    assert read(root, Choice(languages=frozenset({"rust", "c"}))) == ["b.rs", "src/d.h"]
    assert read(root, Choice(languages=frozenset({"cpp"}))) == ["src/f.h"]
    assert read(root, Choice(include=("src", "*.rs"))) == ["b.rs", "src/c.py", "src/d.h", "src/f.h"]
    assert read(root, Choice(include=("*.py",), exclude=("test/", "/a.py"))) == ["src/c.py"]
    assert skipped(root, Choice(exclude=("src",))) == {"src": Reason.EXCLUDED}


def test_a_wrong_glob_is_refused_before_anything_is_read(root: Path) -> None:
    with pytest.raises(Refused, match="is no glob"):
        source_files(root, Choice(include=("[",)))


@pytest.mark.parametrize("name", ["none", "a\0b", "a" * 300])
def test_a_root_that_is_not_there_is_named(root: Path, name: str) -> None:
    with pytest.raises(InputError):
        source_files(root / name, Choice())


def test_a_scan_counts_and_reports(root: Path) -> None:
    write(root, {"a.py": STUB * 2, "b.py": b"\xff", "c.rs": "fn f() { todo!() }", "vendor/d.py": STUB})
    summary, reports = Summary(), []
    holes = list(scan_tree(root, Choice(), summary, reports.append))
    assert [hole.path for hole in holes] == ["a.py", "a.py", "c.rs"]
    assert (summary.files, summary.lines) == (3, 6)
    assert summary.holes == {("python", "macro"): 2, ("rust", "macro"): 1}
    assert summary.skipped == {Reason.UNDECODABLE: 1, Reason.VENDORED: 1}
    assert reports[0] == Skipped("b.py", Reason.UNDECODABLE, "not utf-8: byte 0xff at offset 0")


def test_a_scan_gives_its_holes_while_it_reads(root: Path) -> None:
    write(root, {f"{number:03}.py": STUB for number in range(100)})
    summary = Summary()
    holes = scan_tree(root, Choice(), summary)
    next(holes)
    assert summary.files == 1


def test_two_scans_are_the_same(root: Path) -> None:
    write(root, {f"{name}/{name}.py": STUB for name in "hgfedcba"})
    assert list(scan_tree(root, Choice(), Summary())) == list(scan_tree(root, Choice(), Summary()))
