"""Fills that mean harm: each is rejected with its reason, and nothing outside the copy, nor the next fill, notices.

An attack ends with exit code 0 where it succeeded, so that a fill that passes is a hole in the sandbox.
"""

from __future__ import annotations

import errno
import os
import socket
import textwrap
from pathlib import Path

import pytest

from maze_tasks.verification import Reason

from .arena import Arena

pytestmark = pytest.mark.integration


def test_one_that_deletes_everything(arena: Arena) -> None:
    verdict = arena.judge("""
        import os, shutil, sys
        for folder in ("/src", "/tmp", OUTSIDE):
            shutil.rmtree(folder, ignore_errors=True)
        sys.exit(3 if os.listdir("/src") == [] else 0)
    """)
    assert (verdict.reason, verdict.exit_code) == (Reason.FAILED, 3)


@pytest.mark.parametrize(
    "bomb",
    [
        "while True: os.fork()",
        """
        while True:
            try: os.fork()
            except OSError: time.sleep(0.05)
        """,
        """
        import threading
        while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        """,
    ],
    ids=["plain", "patient", "threads"],
)
def test_one_that_forks_without_end(arena: Arena, bomb: str) -> None:
    verdict = arena.judge("import os, time\n" + textwrap.dedent(bomb), timeout_s=1.5)
    assert verdict.reason in (Reason.PROCESSES, Reason.FAILED)  # the plain one may be over before it is looked at


def test_one_that_raises_its_own_limits(arena: Arena) -> None:
    verdict = arena.judge("""
        import resource, sys
        done = 0
        for name in ("RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_DATA"):
            try:
                resource.setrlimit(getattr(resource, name), (resource.RLIM_INFINITY,) * 2)
                done += 1
            except (ValueError, OSError):
                pass
        sys.exit(0 if done else 3)
    """)
    assert verdict.exit_code == 3


def test_one_that_opens_the_network(arena: Arena) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        path = str(arena.outside.parent / "socket")
        local.bind(path)
        local.listen()
        Path(path).chmod(0o777)
        verdict = arena.judge(f"""
            import socket, sys
            targets = [("127.0.0.1", {server.getsockname()[1]}), ("1.1.1.1", 53), ("8.8.8.8", 443)]
            for address in targets:
                try:
                    socket.create_connection(address, timeout=2)
                    sys.exit(0)
                except OSError:
                    pass
            try:
                socket.socket(socket.AF_UNIX).connect({path!r})
                sys.exit(0)
            except OSError:
                pass
            try:
                socket.getaddrinfo("example.org", 80)
                sys.exit(0)
            except OSError:
                sys.exit(3)
        """)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert verdict.exit_code == 3


def test_one_that_looks_for_the_key(arena: Arena, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAST_API_KEY", secret)
    verdict = arena.judge("""
        import glob, os, sys
        seen = [repr(dict(os.environ))]
        for name in glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline") + glob.glob("/proc/*/fd/*"):
            try:
                seen.append(open(name, errors="replace").read(1 << 20) if "/fd/" not in name else os.readlink(name))
            except OSError:
                pass
        print(len(os.environ), sorted(os.environ))
        sys.exit(0 if any("not-for" + "-fills" in text for text in seen) else 3)
    """)
    assert verdict.exit_code == 3
    assert "FAST_API_KEY" not in verdict.output
    assert secret not in verdict.output


def test_one_that_prints_a_value_it_was_given(arena: Arena) -> None:
    verdict = arena.judge(
        "import os, sys; print(os.environ['FAST_API_KEY'], os.environ['DB_PASSWORD'], os.environ['MODE']); sys.exit(3)",
        pass_env=["FAST_API_KEY"],
        set_env={"DB_PASSWORD": "swordfish", "MODE": "testing"},
    )
    assert verdict.output == "[redacted] [redacted] testing\n"


def test_one_that_writes_outside(arena: Arena) -> None:
    verdict = arena.judge("""
        import os, sys
        done = []
        for folder in (OUTSIDE, "/", "/usr", "/usr/lib", "/etc", "/dev", "/proc", "/sys", "/var/tmp", "/root", "/home"):
            for act in (
                lambda: open(folder + "/x", "w"),
                lambda: open(folder + "/precious", "w"),
                lambda: os.mkdir(folder + "/y"),
                lambda: os.chmod(folder, 0o777),
                lambda: os.rename("/src/data.txt", folder + "/z"),
                lambda: os.link("/usr/bin/env", "/src/env"),
            ):
                try:
                    act()
                    done.append(folder)
                except OSError:
                    pass
        print(done)
        sys.exit(0 if set(done) - {"/"} else 3)  # the mode of its own empty root is its own affair
    """)
    assert verdict.exit_code == 3, verdict.output


def test_one_that_prints_a_gigabyte(arena: Arena) -> None:
    verdict = arena.judge(
        "import os\nfor _ in range(1 << 14): os.write(1, b'x' * (1 << 16))\nraise SystemExit(0)", output_kb=1024
    )
    assert verdict.reason is Reason.OUTPUT
    assert len(verdict.output) <= 8000


@pytest.mark.parametrize(
    "greed",
    [
        "hoard = []\nwhile True: hoard.append(bytearray(1 << 22))",
        "import mmap\nhoard = []\nwhile True: m = mmap.mmap(-1, 1 << 22); m.write(b'x' * (1 << 22)); hoard.append(m)",
        """
        import os, time
        for _ in range(3):
            if os.fork() == 0:
                hoard = bytearray(60 << 20)
                time.sleep(60)
        time.sleep(60)
        """,
    ],
    ids=["private", "shared", "divided"],
)
def test_one_that_takes_all_memory(arena: Arena, greed: str) -> None:
    verdict = arena.judge(textwrap.dedent(greed), memory_mb=128)
    assert verdict.reason is Reason.MEMORY


@pytest.mark.parametrize(
    "hidden",
    [
        "os.memfd_create('x')",
        "check(libc.shmget(0, 65537, 0o1600))",
        "check(libc.shmget(0, ctypes.c_size_t(1 << 33), 0o1600))",
        "check(libc.syscall(447 if os.uname().machine in ('x86_64', 'aarch64') else -1, 0))",  # memfd_secret
    ],
)
def test_one_that_takes_memory_which_is_in_no_process(arena: Arena, hidden: str) -> None:
    verdict = arena.judge(f"""
        import ctypes, os, sys
        libc = ctypes.CDLL(None, use_errno=True)

        def check(result):
            if result < 0:
                raise OSError(ctypes.get_errno(), "refused")

        check(libc.shmget(0, 56, 0o1600))  # databases use little ones as locks
        try:
            {hidden}
        except OSError as error:
            sys.exit(error.errno)
    """)
    assert verdict.exit_code == errno.ENOSYS, verdict


def test_one_that_asks_for_the_keys_of_the_workers_session(arena: Arena) -> None:
    verdict = arena.judge("""
        import ctypes, os, sys
        libc = ctypes.CDLL(None, use_errno=True)
        numbers = {"x86_64": (248, 249, 250), "aarch64": (217, 218, 219)}[os.uname().machine]
        found = {(libc.syscall(number, 0, -3, 0, 0, 0), ctypes.get_errno()) for number in numbers}
        sys.exit(3 if found == {(-1, 38)} else str(found))
    """)
    assert verdict.exit_code == 3, verdict


def test_processes_that_share_their_memory_are_counted_once(arena: Arena) -> None:
    verdict = arena.judge(
        """
        import os, time
        hoard = bytearray(60 << 20)
        children = []
        for _ in range(5):
            child = os.fork()
            if child == 0:
                time.sleep(0.3)
                os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
        """,
        memory_mb=128,
    )
    assert verdict.passed, verdict


def test_one_that_sleeps_for_ever(arena: Arena) -> None:
    verdict = arena.judge("import time; time.sleep(1e6)", timeout_s=0.3)
    assert verdict.reason is Reason.TIMEOUT
    assert verdict.exit_code is None


def test_one_that_ignores_signals_and_closes_its_output(arena: Arena) -> None:
    verdict = arena.judge(
        """
        import os, signal, time
        for number in range(1, 32):
            try: signal.signal(number, signal.SIG_IGN)
            except OSError: pass
        os.close(1); os.close(2)
        while True: time.sleep(1)
        """,
        timeout_s=0.5,
    )
    assert verdict.reason is Reason.TIMEOUT


def running(mark: str) -> bool:
    """Whether any process of this machine has the mark in its command line."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes():
                return True
        except OSError:
            continue
    return False


@pytest.mark.parametrize("exit_code", [0, 3])
def test_one_that_leaves_a_daemon_behind(arena: Arena, exit_code: int) -> None:
    mark = f"31557{os.getpid()}.{exit_code}"
    verdict = arena.judge(f"""
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                if os.fork() == 0:
                    os.execvp("sleep", ["sleep", "{mark}"])
                while True:  # poison for the next fill
                    for name in ("/src/pkg/other.py", "/src/pkg/fill.py"):
                        open(name, "w").write("VALUE = 666")
            os._exit(0)
        time.sleep(0.1)
        os._exit({exit_code})
    """)
    assert verdict.reason is (Reason.FAILED if exit_code else Reason.PASSED)
    assert not running(mark)


def test_one_that_ends_the_test_before_it_begins(arena: Arena) -> None:
    verdict = arena.judge("import os; os._exit(0)", pass_pattern=r"^1 passed$")
    assert verdict.reason is Reason.FAILED


def test_one_that_changes_what_judges_it(arena: Arena) -> None:
    """What a profile protects stays as it is, whichever way it is reached; all else may be written."""
    fill = """
        import os, sys
        ways = {
            "write": lambda: open("pkg/other.py", "w"),
            "replace": lambda: os.replace("data.txt", "pkg/other.py"),
            "remove": lambda: os.remove("pkg/other.py"),
            "through a link": lambda: open("link", "w"),
            "the folder": lambda: os.rename("pkg", "moved"),
        }
        open("new", "w").close()
        open("pkg/new", "w").close()
        done = []
        for name, way in ways.items():
            try:
                way()
                done.append(name)
            except OSError:
                pass
        sys.exit(3 if not done else f"could: {done}")
    """
    assert arena.judge(fill, protect=["pkg/other.py", "link", "not/there"]).exit_code == 3
    everything = arena.judge(fill, protect=["."])
    assert "Read-only file system: 'new'" in everything.output


@pytest.mark.parametrize("victim", ["os.getppid()", "1", "-1"])
def test_one_that_kills_its_parents(arena: Arena, victim: str) -> None:
    verdict = arena.judge(f"import os, signal; os.kill({victim}, signal.SIGKILL); raise SystemExit(3)")
    assert verdict.reason is Reason.FAILED


def test_one_that_gets_hold_of_other_processes(arena: Arena) -> None:
    verdict = arena.judge(f"""
        import ctypes, os, sys
        libc = ctypes.CDLL(None, use_errno=True)
        visible = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
        print(visible)
        if libc.ptrace(16, {os.getpid()}, 0, 0) == 0 or len(visible) > 3:  # PTRACE_ATTACH
            sys.exit(0)
        try:
            open("/proc/{os.getpid()}/mem", "rb")
            sys.exit(0)
        except OSError:
            sys.exit(3)
    """)
    assert verdict.exit_code == 3, verdict.output


@pytest.mark.parametrize(
    "act",
    [
        "libc.unshare(0x10000000)",  # CLONE_NEWUSER
        "libc.mount(b'none', b'/src', b'tmpfs', 0, None)",
        "libc.chroot(b'/src')",
        "libc.sethostname(b'mine', 4)",
        "libc.setuid(0)",
    ],
)
def test_one_that_wants_more_rights(arena: Arena, act: str) -> None:
    verdict = arena.judge(f"""
        import ctypes, sys
        libc = ctypes.CDLL(None, use_errno=True)
        sys.exit(0 if {act} == 0 else 3)
    """)
    assert verdict.exit_code == 3
