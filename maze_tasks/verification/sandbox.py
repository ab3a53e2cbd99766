"""Run a profile's command on a working copy and say what came of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maze_tasks.verification.bubblewrap import SYSTEM, Bubblewrap, search_path, shown_folders
from maze_tasks.verification.launch import KIB, MIB, Workplace
from maze_tasks.verification.placeholders import Value
from maze_tasks.verification.profiles import COPY_ROOT, VerifyProfile
from maze_tasks.verification.running import TAIL_BYTES, Allowance, Ending, run
from maze_tasks.verification.unconfined import unconfined
from maze_tasks.verification.verdict import Reason, Verdict, clean

# Variables that are passed on without being secrets; values of all others are kept out of what is shown.
# fmt: off
HARMLESS = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "TMPDIR", "TERM", "TZ", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE",
    "VIRTUAL_ENV", "JAVA_HOME", "GOROOT", "GOPATH", "CARGO_HOME", "RUSTUP_HOME", "NODE_PATH", "PYTHONPATH",
})
# fmt: on
MAX_REASON_CHARS = 200  # of what bubblewrap says where it makes no sandbox
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL", re.IGNORECASE)  # in names of variables that profiles set
SIGNALLED = 128  # exit codes above it: 128 + the signal that ended the command


@dataclass(frozen=True, slots=True)
class Sandbox:
    """How this worker runs commands; made by `probe.open_sandbox`, which shows that it holds.

    Args:
        bubblewrap: what makes the sandbox; None runs commands without one.
        env: the worker's environment, of which profiles may pass variables on.
    """

    bubblewrap: Bubblewrap | None
    env: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @property
    def safe(self) -> bool:
        """Whether a command can harm nothing but its working copy."""
        return self.bubblewrap is not None

    def run(
        self,
        profile: VerifyProfile,
        values: Mapping[str, Value],
        place: Workplace,
        cancelled: threading.Event | None = None,
    ) -> tuple[Verdict, bool]:
        """Run the command of a profile.

        Args:
            profile: what to run, and what it is allowed.
            values: what its placeholders stand for; ``root`` and ``path`` are known here.
            place: the working copy, with the fill in it.
            cancelled: set from outside to end it early.

        Returns:
            The verdict, and whether all processes are surely gone, so that the copy can be used again.

        Raises:
            InputError: a value is missing or cannot be an argument.
        """
        command = profile.arguments({**values, **self._places(values, place)})
        env = self.environment(profile, place)
        if (missing := self.missing_program(profile, place)) is not None:
            return Verdict(Reason.NOT_FOUND, missing), True
        try:
            make = unconfined if self.bubblewrap is None else self.bubblewrap.launch
            ending = run(make(profile, command, env, place), _allowance(profile, place), cancelled)
        except OSError as error:
            return Verdict(Reason.SANDBOX_ERROR, f"the command could not be started: {error}"), True
        return judge(profile, ending, self._secrets(profile)), ending.gone

    def environment(self, profile: VerifyProfile, place: Workplace) -> dict[str, str]:
        """The whole environment of a command: a few constants, and what the profile names.

        Args:
            profile: whose `pass_env` and `set_env` count.
            place: where the command runs.
        """
        scratch = "/tmp" if self.safe else place.scratch  # noqa: S108 - the sandbox's own
        passed = {name: self.env[name] for name in profile.pass_env if name in self.env}
        env = {
            "HOME": scratch,
            "TMPDIR": scratch,
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",  # they would be taken out of the copy again after each run
            **passed,
            "PATH": search_path(profile, passed.get("PATH")),
        }
        if profile.venv is not None:
            env["VIRTUAL_ENV"] = profile.venv
        return {**env, **profile.set_env}

    def missing_program(self, profile: VerifyProfile, place: Workplace | None = None) -> str | None:
        """Why the program of a profile cannot be started, or None where it can.

        Args:
            profile: whose program is looked for, with the eyes of the command.
            place: where a program named relative to the copy is looked for; without it that is not looked at.
        """
        program = profile.command[0]
        if "/" in program:
            if not program.startswith("/"):
                found = place is None or Path(place.root, profile.workdir, program).exists()
            else:
                found = program.startswith(f"{COPY_ROOT}/") or shutil.which(program) is not None
            return None if found else f"{program}: no such program"
        path = profile.set_env.get("PATH") or search_path(profile, self._passed_path(profile))
        shown = (*SYSTEM, *shown_folders(profile))
        hidden = None
        for folder in filter(None, path.split(os.pathsep)):
            if shutil.which(program, path=folder) is not None:
                if not self.safe or any(Path(folder).is_relative_to(each) for each in shown):
                    return None
                hidden = hidden or folder
        if hidden is not None:
            return f"{program}: is in {hidden}, which the sandbox does not show; add it to read_only, or set venv"
        return f"{program}: no such program in {path}"

    def _passed_path(self, profile: VerifyProfile) -> str | None:
        return self.env.get("PATH") if "PATH" in profile.pass_env else None

    def _places(self, values: Mapping[str, Value], place: Workplace) -> dict[str, Value]:
        root = COPY_ROOT if self.safe else place.root
        file = values.get("file")
        return {"root": root} if file is None else {"root": root, "path": f"{root}/{file}"}

    def _secrets(self, profile: VerifyProfile) -> list[str]:
        passed = [self.env[name] for name in profile.pass_env if name in self.env and name not in HARMLESS]
        return passed + [value for name, value in profile.set_env.items() if _SECRET.search(name)]


def judge(profile: VerifyProfile, ending: Ending, secrets: list[str]) -> Verdict:
    """What an ending means. Pure.

    Args:
        profile: what was allowed.
        ending: what the run came to.
        secrets: values that must not be shown.
    """
    output = clean(ending.tail, secrets, cut=ending.printed > TAIL_BYTES)
    reason, message = _stopped(profile, ending) if ending.stopped else _ended(profile, ending, output)
    if not ending.gone:
        reason, message = Reason.SANDBOX_ERROR, "processes of the command could not be ended"
    return Verdict(reason, message, ending.exit_code, ending.seconds, output)


def _stopped(profile: VerifyProfile, ending: Ending) -> tuple[Reason, str]:
    reason = ending.stopped or Reason.FAILED
    if reason is Reason.TIMEOUT and ending.threads >= profile.processes:
        reason = Reason.PROCESSES  # it tried in vain to start more
    messages = {
        Reason.PROCESSES: _crowded(profile),
        Reason.TIMEOUT: f"took longer than {profile.timeout_s:g} s",
        Reason.MEMORY: f"used more than {profile.memory_mb} MiB of memory",
        Reason.OUTPUT: f"printed more than {profile.output_kb} KiB",
        Reason.DISK: f"wrote more than {profile.disk_mb} MiB, or too many files",
        Reason.CANCELLED: "was cancelled",
    }
    return reason, messages[reason]


def _ended(profile: VerifyProfile, ending: Ending, output: str) -> tuple[Reason, str]:
    code = ending.exit_code
    if code is None:
        last = output.strip().rpartition("\n")[2][-MAX_REASON_CHARS:]
        message = "the sandbox could not be made, or was ended from outside"
        return Reason.SANDBOX_ERROR, f"{message}: {last}" if last else message
    if code in profile.pass_exit_codes:
        if profile.pass_pattern is None or re.search(profile.pass_pattern, output, re.MULTILINE):
            return Reason.PASSED, "passed"
        return Reason.FAILED, f"exit code {code}, but the output does not match pass_pattern"
    if code == SIGNALLED + signal.SIGXFSZ:
        return Reason.FILE_SIZE, f"wrote a file larger than {profile.files_mb} MiB"
    if ending.threads >= profile.processes:
        return Reason.PROCESSES, _crowded(profile)
    return Reason.FAILED, _exit(code)


def _crowded(profile: VerifyProfile) -> str:
    return f"had {profile.processes} processes and threads, as many as it may"


def _exit(code: int) -> str:
    if code > SIGNALLED:
        try:
            return f"was ended by {signal.Signals(code - SIGNALLED).name}"
        except ValueError:
            pass
    return f"exit code {code}"


def _allowance(profile: VerifyProfile, place: Workplace) -> Allowance:
    return Allowance(
        timeout_s=profile.timeout_s,
        memory=profile.memory_mb * MIB,
        output=profile.output_kb * KIB,
        disk=profile.disk_mb * MIB,
        folder=Path(place.root),
        size=place.size,
    )
