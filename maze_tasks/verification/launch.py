"""How a command is to be started: a value, made by `bubblewrap` or `unconfined`, carried out by `running`."""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from maze_tasks.verification.profiles import VerifyProfile

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
MIB = 1024 * 1024
KIB = 1024
OPEN_FILES = 4096  # of one process
# RLIMIT_DATA counts what a process reserved, not what it uses; thread stacks alone are 8 MiB each. The limit that
# counts is watched by `usage`; this one holds between two looks.
DATA_FACTOR, DATA_SLACK_MB = 2, 1024

FIRST_UID = 60_600  # 60578 to 61183 belong to nobody (systemd, "Users, Groups, UIDs and GIDs")
UIDS = 400


@dataclass(frozen=True, slots=True)
class Launch:
    """One process to start.

    Args:
        argv: program, absolute, and arguments.
        env: its whole environment.
        uid: user and group to become first; None stays.
        cwd: folder to start in; None where `argv` sees to it.
        descriptors: what it inherits besides its standard streams; `running` closes them once it has started.
        status: end of a pipe on which bubblewrap tells how it goes, None without it.
    """

    argv: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    uid: int | None = None
    cwd: str | None = None
    descriptors: tuple[int, ...] = ()
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where a command runs.

    Args:
        root: the working copy, absolute.
        scratch: an empty folder beside it that the command may fill where it gets no ``/tmp`` of its own.
        uid: who owns both and who the command runs as; None is the worker's own user.
        size: bytes on the disk and entries of the copy.
    """

    root: str
    scratch: str
    uid: int | None = None
    size: tuple[int, int] = (0, 0)


def sandbox_uid(slot: int) -> int | None:
    """The user that commands of a slot run as: one of its own where this process is root, else None.

    RLIMIT_NPROC does not bind root, and a user of its own keeps slots apart should the sandbox ever leak.

    Args:
        slot: number of the slot, from 0.
    """
    return FIRST_UID + slot % UIDS if os.geteuid() == 0 else None


def limits(profile: VerifyProfile) -> dict[str, int]:
    """Resource limits of every process of a command, by the names of getrlimit(2) in lower case; never above our own.

    Args:
        profile: what the command is allowed.
    """
    wanted = {
        "nproc": profile.processes,
        "fsize": profile.files_mb * MIB,
        "data": (DATA_FACTOR * profile.memory_mb + DATA_SLACK_MB) * MIB,
        "cpu": ceil(profile.timeout_s) * (os.cpu_count() or 1) + 1,
        "nofile": OPEN_FILES,
        "core": 0,
    }
    return {name: min(value, _hard_limit(name)) for name, value in wanted.items()}


def _hard_limit(name: str) -> int:
    hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))[1]
    return 2**62 if hard == resource.RLIM_INFINITY else hard
