"""A command without a sandbox, for hosts that cannot make one and owners who said so by name.

It has the resource limits, an environment of its own and a time limit; it can read, write and reach whatever its user
can, and what it leaves running in a session of its own stays.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence

from maze_tasks.errors import Refused
from maze_tasks.verification.launch import SYSTEM_PATH, Launch, Workplace, limits
from maze_tasks.verification.profiles import VerifyProfile


def unconfined(profile: VerifyProfile, command: Sequence[str], env: Mapping[str, str], place: Workplace) -> Launch:
    """How to start a command in the working copy itself.

    Args:
        profile: what it is allowed.
        command: program and arguments.
        env: its whole environment.
        place: its working copy.

    Raises:
        Refused: there is no prlimit.
    """
    prlimit = shutil.which("prlimit", path=SYSTEM_PATH)
    if prlimit is None:
        raise Refused("verifying needs prlimit of util-linux, also without a sandbox: apt-get install util-linux")
    limiter = [prlimit, *(f"--{name}={value}" for name, value in limits(profile).items()), "--"]
    if setpriv := shutil.which("setpriv", path=SYSTEM_PATH):
        limiter += [setpriv, "--pdeathsig", "KILL", "--no-new-privs", "--"]
    return Launch(argv=[*limiter, *command], env=env, uid=place.uid, cwd=f"{place.root}/{profile.workdir}")
