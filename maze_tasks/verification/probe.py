"""Show, before the first verification, that the sandbox of this worker really holds."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from maze_tasks.errors import ConfigError, Refused
from maze_tasks.verification.bubblewrap import SYSTEM, Bubblewrap
from maze_tasks.verification.launch import SYSTEM_PATH, UIDS, Workplace, sandbox_uid
from maze_tasks.verification.packaged import closed_ancestor
from maze_tasks.verification.profiles import COPY_ROOT, VerifyProfile
from maze_tasks.verification.sandbox import Sandbox
from maze_tasks.verification.verdict import Reason, Verdict

SandboxName = Literal["bubblewrap", "none"]

PROBE_PROCESSES = 16  # the limit; more than bubblewrap's own, fewer than are tried
PROBE_FORKS = 64
PROBE_TIMEOUT_S = 30.0
LOOK = 'command -v -- "$1" > /dev/null'
PROBE_SEES = 2  # processes: bubblewrap's first one, and the probe itself
# What the command is given; anything else that the probe sees comes from the worker.
_EXPECTED = frozenset({"HOME", "TMPDIR", "LANG", "LC_CTYPE", "PATH", "PWD", "PYTHONDONTWRITEBYTECODE"})

UNSAFE_BY_NAME = 'verify_sandbox = "none" runs fills without one: they may then do whatever this user may do'
HINTS = {
    "setting up uid map": "user namespaces are forbidden here",
    "Creating new namespace failed": "user namespaces are forbidden here",
    "No permissions to create": "user namespaces are forbidden here",
    "loopback": "user namespaces are restricted here (Ubuntu: kernel.apparmor_restrict_unprivileged_userns=0)",
    "mount proc": "a container masks /proc (Docker: --security-opt systempaths=unconfined)",
    "Can't find source path": "a folder cannot be reached by the user that commands run as",
}
CONTAINER = (
    "in Docker add --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt "
    "systempaths=unconfined; on a host see kernel.unprivileged_userns_clone and user.max_user_namespaces"
)


def open_sandbox(name: SandboxName, folder: Path, env: Mapping[str, str] | None = None) -> Sandbox:
    """The sandbox of this worker, once it has shown that it holds.

    Args:
        name: ``bubblewrap``, or ``none`` to do without, which is unsafe and must be asked for by that name.
        folder: where working copies will lie; exists.
        env: the worker's environment; None means that of the process.

    Raises:
        Refused: bubblewrap is missing or does not hold; the message says what, and what can be done.
    """
    facts = os.environ if env is None else env
    if name == "none":
        return Sandbox(None, facts)
    sandbox = Sandbox(Bubblewrap.found(folder), facts)
    probe(sandbox, folder)
    return sandbox


def probe(sandbox: Sandbox, folder: Path) -> None:
    """Try a fork bomb, writes outside, sockets and a look at the worker's environment from inside.

    Args:
        sandbox: what is tried.
        folder: where working copies will lie; exists.

    Raises:
        Refused: one of them was not refused, or the sandbox could not be made.
    """
    uid = sandbox_uid(UIDS - 1)
    python = _python(uid)
    with _workplace(folder, uid) as place, _listeners() as (port, abstract):
        name = f"maze-probe-{secrets.token_hex(4)}"
        outside = [str(folder), "/", "/usr", "/etc", "/dev", "/proc", "/var/tmp", "/root", "/home", "/run"]  # noqa: S108
        asked = {"folders": outside, "name": name, "port": port, "abstract": abstract, "wanted": PROBE_FORKS}
        source = Path(__file__).with_name("probe_inside.py").read_text(encoding="utf-8")
        profile = VerifyProfile(
            command=(python, "-I", "-S", "-c", "{source}", "{asked}"),
            defaults={"source": source, "asked": json.dumps(asked)},
            processes=PROBE_PROCESSES,
            timeout_s=PROBE_TIMEOUT_S,
            read_only=_prefixes(python),
        )
        verdict, _ = sandbox.run(profile, {}, place)
        leaked = [each for each in outside if os.path.lexists(f"{each}/{name}")]
    found = _found(verdict.output)
    leaks = [*(_leaks(found) if found is not None else ()), *(f"a file appeared in {each}" for each in leaked)]
    if leaks:
        raise Refused(_unusable(f"the sandbox does not hold: {'; '.join(leaks)}", ""))
    if verdict.reason is not Reason.PASSED or found is None:
        raise Refused(_unusable(_told(verdict), verdict.output))


def _found(output: str) -> dict[str, Any] | None:
    """What the probe printed, None where it did not come to that."""
    with suppress(ValueError):
        found = json.loads(output)
        if isinstance(found, dict):
            return found
    return None


def _told(verdict: Verdict) -> str:
    if verdict.reason is Reason.SANDBOX_ERROR:
        return verdict.message
    return f"{verdict.message}; {verdict.output.strip()[-300:]}"


def broken_profiles(sandbox: Sandbox, folder: Path, profiles: Mapping[str, VerifyProfile]) -> dict[str, ConfigError]:
    """Let the commands' user look for the program of each profile, in that profile's own view of the machine.

    Args:
        sandbox: what commands run in, or without.
        folder: where working copies will lie; exists.
        profiles: by name.

    Returns:
        What is wrong with those whose every fill would be refused.

    Raises:
        Refused: the folder cannot be reached.
        OSError: nothing can be made in it.
    """
    with _workplace(folder, sandbox_uid(UIDS - 1), reachable=sandbox.safe) as place:
        tried = {name: _try(sandbox, place, name, profile) for name, profile in profiles.items()}
    return {name: error for name, error in tried.items() if error is not None}


def _try(sandbox: Sandbox, place: Workplace, name: str, profile: VerifyProfile) -> ConfigError | None:
    shown = {"venv": [profile.venv] if profile.venv else [], "read_only": list(profile.read_only)}
    for setting, paths in shown.items():
        for path in paths:
            if not os.path.lexists(path):
                return ConfigError(f"{path} does not exist on this machine", field=f"verify.{name}.{setting}")
    if profile.protect and not sandbox.safe:
        return ConfigError("nothing is protected without a sandbox", field=f"verify.{name}.protect")
    if (missing := sandbox.missing_program(profile)) is not None:
        return ConfigError(missing, field=f"verify.{name}.command")
    program = profile.command[0]
    if "/" in program and (not program.startswith("/") or program.startswith(f"{COPY_ROOT}/")):
        program = "sh"  # it lies in the tree; what remains to be tried is the view
    looking = profile.model_copy(
        update={
            "command": ("sh", "-c", LOOK, "sh", "{program}"),
            "defaults": {"program": program},
            "workdir": ".",
            "pass_exit_codes": (0,),
            "pass_pattern": None,
            "timeout_s": PROBE_TIMEOUT_S,
        }
    )
    verdict, _ = sandbox.run(looking, {}, place)
    if verdict.passed:
        return None
    return ConfigError(_no_program(program, verdict, sandbox_uid(0)), field=f"verify.{name}.command")


def _no_program(program: str, verdict: Verdict, uid: int | None) -> str:
    if verdict.reason is not Reason.FAILED:
        return f"cannot be tried here: {verdict.message}"
    who = "" if uid is None else f" by user {uid}, who commands run as"
    return f"{program}: found, but it cannot be started{who}: it, or the interpreter it needs, is closed or missing"


def _leaks(found: Mapping[str, Any]) -> Iterator[str]:
    """What should have been refused and was not. Pure."""
    if not 1 <= found["forks"] < PROBE_PROCESSES:
        yield f"with a limit of {PROBE_PROCESSES} processes {found['forks']} more could be started"
    for place in found["written"]:
        yield f"a file could be made in {place}"
    if found["processes"] > PROBE_SEES:
        yield f"{found['processes']} processes can be seen"
    for family in found["connected"]:
        yield f"a socket of this worker could be reached ({family})"
    if names := sorted(set(found["variables"]) - _EXPECTED):
        yield f"variables of this worker can be seen ({', '.join(names)[:200]})"


def _unusable(what: str, output: str) -> str:
    hints = [hint for sign, hint in HINTS.items() if sign in output]
    return f"verifying needs a sandbox, and bubblewrap cannot make one here: {what}. " + ". ".join(
        [*dict.fromkeys(hints), CONTAINER, UNSAFE_BY_NAME]
    )


@contextmanager
def _workplace(folder: Path, uid: int | None, *, reachable: bool = True) -> Iterator[Workplace]:
    """An empty working copy, as commands get them; where it must be `reachable` its user can come to it by its path."""
    closed_to_it = closed_ancestor(folder) if reachable and uid is not None else None
    if closed_to_it is not None:
        raise Refused(
            f"commands run as user {uid}, who cannot pass {closed_to_it}: put the working copies elsewhere "
            f"(verify_folder), open it (chmod o+x {closed_to_it}), or run the worker as an ordinary user"
        )
    with tempfile.TemporaryDirectory(dir=folder, prefix=".probe-") as own:
        os.chmod(own, 0o711)  # noqa: PTH101, S103 - its user must be able to pass
        root, scratch = Path(own, "tree"), Path(own, "scratch")
        for each in (root, scratch):
            each.mkdir(mode=0o700)
            if uid is not None:
                os.chown(each, uid, uid)
        yield Workplace(str(root), str(scratch), uid)


@contextmanager
def _listeners() -> Iterator[tuple[int, str]]:
    """Sockets of this process that are listening: a TCP port and an abstract name."""
    with ExitStack() as opened:
        tcp = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        unix = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        abstract = f"maze-probe-{secrets.token_hex(8)}"
        unix.bind("\0" + abstract)
        unix.listen()
        yield tcp.getsockname()[1], abstract


def _python(uid: int | None) -> str:
    """A Python that the commands' user can read, the worker's own if it can; the last resort is put on the stage."""
    own = str(Path(sys.executable).resolve())
    system = shutil.which("python3", path=SYSTEM_PATH)
    if system is None or uid is None or closed_ancestor(Path(own)) is None:
        return own
    return system


def _prefixes(python: str) -> tuple[str, ...]:
    prefix = Path(python).resolve().parent.parent
    return () if any(prefix.is_relative_to(shown) for shown in (*SYSTEM, COPY_ROOT)) else (str(prefix),)
