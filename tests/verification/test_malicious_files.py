"""Fills that mean harm to the disk and to the copy: each is rejected with its reason, or leaves nothing behind."""

from __future__ import annotations

import pytest

from maze_tasks.verification import Reason, Sandbox

from .arena import Arena

pytestmark = pytest.mark.integration


def test_one_that_fills_the_disk_with_files(arena: Arena) -> None:
    verdict = arena.judge(
        """
        import itertools
        for number in itertools.count():
            with open(f"/src/big{number}", "wb") as file:
                file.write(b"x" * (1 << 20))
            if number > 600:
                raise SystemExit(0)
        """,
        disk_mb=30,
    )
    assert verdict.reason is Reason.DISK


def test_one_that_writes_one_large_file(arena: Arena) -> None:
    verdict = arena.judge(
        """
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        with open("/src/big", "wb") as file:
            while True: file.write(b"x" * (1 << 20))
        """,
        files_mb=5,
    )
    assert verdict.reason is Reason.FILE_SIZE


def test_one_that_fills_its_own_temporary_folders(arena: Arena, sandbox: Sandbox) -> None:
    if sandbox.bubblewrap is None or not sandbox.bubblewrap.sizes_tmpfs:
        pytest.skip("this bubblewrap cannot limit a tmpfs")
    verdict = arena.judge(
        """
        import errno, sys
        full = 0
        for folder in ("/tmp", "/dev/shm"):
            try:
                for number in range(100):
                    with open(f"{folder}/{number}", "wb") as file:
                        file.write(b"x" * (1 << 20))
            except OSError as error:
                full += error.errno == errno.ENOSPC
        sys.exit(3 if full == 2 else 0)
        """,
        tmp_mb=5,
    )
    assert verdict.exit_code == 3


def test_one_that_puts_links_in_place_of_files_and_folders(arena: Arena) -> None:
    verdict = arena.judge("""
        import os, shutil
        os.remove("/src/data.txt"); os.symlink(OUTSIDE + "/precious", "/src/data.txt")
        os.remove("/src/link"); os.symlink(OUTSIDE, "/src/link")
        shutil.rmtree("/src/pkg"); os.symlink(OUTSIDE, "/src/pkg")
        os.symlink("/", "/src/everything"); os.symlink("loop", "/src/loop")
        raise SystemExit(3)
    """)
    assert verdict.exit_code == 3


def test_one_that_leaves_what_is_hard_to_remove(arena: Arena) -> None:
    verdict = arena.judge("""
        import os, socket
        os.mkfifo("/src/pipe"); os.remove("/src/data.txt"); os.mkfifo("/src/data.txt")
        socket.socket(socket.AF_UNIX).bind("/src/socket")
        os.link("/src/run.sh", "/src/pkg/hard")
        for number in range(2000):  # deeper than any path may be long
            os.mkdir("d" * 50); os.chdir("d" * 50)
        os.chdir("/src")
        os.makedirs("/src/closed/a/b"); open("/src/closed/a/b/c", "w"); os.chmod("/src/closed/a", 0)
        os.chmod("/src/closed", 0); os.chmod("/src/pkg", 0); os.chmod("/src/run.sh", 0)
        os.chmod("/src", 0)
        os._exit(3)
    """)
    assert verdict.exit_code == 3


def test_one_that_hides_a_change_behind_the_old_time(arena: Arena) -> None:
    verdict = arena.judge("""
        import os
        for name, content in (("/src/pkg/other.py", "VALUE = 7\\n"), ("/src/data.txt", "atad\\n")):
            facts = os.stat(name)
            open(name, "w").write(content)
            os.utime(name, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        raise SystemExit(3)
    """)
    assert verdict.exit_code == 3


def test_one_that_leaves_bytecode_for_the_next(arena: Arena) -> None:
    verdict = arena.judge("""
        import importlib.util, marshal, os, sys
        code = compile("VALUE = 666", "/src/pkg/other.py", "exec")
        os.makedirs("/src/pkg/__pycache__")
        data = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(code)
        open(importlib.util.cache_from_source("/src/pkg/other.py"), "wb").write(data)
        raise SystemExit(3)
    """)
    assert verdict.exit_code == 3
