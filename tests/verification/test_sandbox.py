"""What a command gets, and how the sandbox shows that it holds."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from maze_tasks.errors import ConfigError, InputError
from maze_tasks.verification import (
    Check,
    Reason,
    Sandbox,
    Snapshots,
    Verdict,
    Verifier,
    VerifyProfile,
    open_verifier,
    probe,
)
from maze_tasks.verification.bubblewrap import shown_folders
from maze_tasks.verification.launch import Workplace, limits, sandbox_uid
from maze_tasks.verification.working_copy import WorkingCopy

pytestmark = pytest.mark.integration


@pytest.fixture
def copy(place: Path, tree: Path) -> WorkingCopy:
    folder = place / "slot"
    folder.mkdir(mode=0o711)
    folder.chmod(0o711)
    return WorkingCopy(tree, folder, sandbox_uid(0))


@pytest.fixture(params=["bubblewrap", "none"])
def either(request: pytest.FixtureRequest, secret: str) -> Sandbox:
    """With and without bubblewrap: what both promise."""
    if request.param == "none":
        return Sandbox(None, {**os.environ, "FAST_API_KEY": secret})
    sandbox: Sandbox = request.getfixturevalue("sandbox")
    return sandbox


def judge(sandbox: Sandbox, copy: WorkingCopy, command: object, **settings: object) -> Verdict:
    profile = VerifyProfile.model_validate({"command": command, "timeout_s": 20.0, **settings})
    verdict, gone = sandbox.run(profile, {"file": "pkg/fill.py"}, copy.workplace)
    assert gone
    return verdict


def test_exit_codes_decide(either: Sandbox, copy: WorkingCopy) -> None:
    assert judge(either, copy, "true").passed
    verdict = judge(either, copy, "sh -c 'echo out; echo err >&2; exit 7'")
    assert (verdict.reason, verdict.exit_code, verdict.output) == (Reason.FAILED, 7, "out\nerr\n")
    assert judge(either, copy, "sh -c 'kill -TERM $$'").message == "was ended by SIGTERM"


def test_the_environment_is_what_the_profile_names_and_nothing_else(either: Sandbox, copy: WorkingCopy) -> None:
    settings = {"pass_env": ["FAST_API_KEY", "NOT_SET"], "set_env": {"MODE": "test"}}
    lines = judge(either, copy, "env", **settings).output.splitlines()
    names = {line.partition("=")[0] for line in lines} - {"PWD", "SHLVL", "_"}
    assert names == {"HOME", "TMPDIR", "LANG", "PATH", "PYTHONDONTWRITEBYTECODE", "FAST_API_KEY", "MODE"}
    assert "FAST_API_KEY=[redacted]" in lines


def test_a_command_starts_in_its_folder_and_finds_its_file(either: Sandbox, copy: WorkingCopy) -> None:
    assert judge(either, copy, "cat fill.py {path}", workdir="pkg").output == "raise NotImplementedError\n" * 2


def test_a_command_may_write_in_its_copy_and_in_a_temporary_folder(either: Sandbox, copy: WorkingCopy) -> None:
    command = ["sh", "-c", 'touch new "$TMPDIR/new" && ls "$TMPDIR"']
    assert judge(either, copy, command).output == "new\n"
    assert judge(either, copy, command).output == "new\n"
    assert copy.restore() > 0


def test_limits_bind(either: Sandbox, copy: WorkingCopy) -> None:
    assert judge(either, copy, "sleep 60", timeout_s=0.2).reason is Reason.TIMEOUT
    assert judge(either, copy, "sh -c 'yes'", output_kb=64).reason is Reason.OUTPUT
    big = "dd if=/dev/zero of=big bs=1024k count=9"
    assert judge(either, copy, big, files_mb=2).reason is Reason.FILE_SIZE
    asked = judge(either, copy, ["sh", "-c", "ulimit -c; ulimit -f"], files_mb=2).output.split()
    assert asked == ["0", "4096"]


def test_a_limit_is_never_above_that_of_the_worker_itself() -> None:
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert limits(VerifyProfile(command=("true",)))["nofile"] <= hard


def test_a_run_can_be_cancelled(either: Sandbox, copy: WorkingCopy) -> None:
    cancelled = threading.Event()
    cancelled.set()
    profile = VerifyProfile(command=("sleep", "60"))
    verdict, gone = either.run(profile, {}, copy.workplace, cancelled)
    assert (verdict.reason, verdict.conclusive, gone) == (Reason.CANCELLED, False, True)


def test_a_program_that_is_not_there_is_the_workers_fault(either: Sandbox, copy: WorkingCopy) -> None:
    for program in ("no-such-program", "./no-such-program", "/no/such/program"):
        verdict = judge(either, copy, program)
        assert (verdict.reason, verdict.conclusive) == (Reason.NOT_FOUND, False)
    assert judge(either, copy, "./run.sh").passed


def _descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_no_descriptors_are_left_open(either: Sandbox, copy: WorkingCopy) -> None:
    judge(either, copy, "true")
    before = _descriptors()
    for command in ("true", "no-such-program", "sh -c 'sleep 60 & exit 1'"):
        judge(either, copy, command)
    assert _descriptors() == before


def test_a_program_that_the_sandbox_does_not_show_is_named(sandbox: Sandbox, copy: WorkingCopy, place: Path) -> None:
    tool = place / "bin" / "tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho tool\n")
    tool.chmod(0o755)
    mine = replace(sandbox, env={"PATH": f"{tool.parent}:/usr/bin"})
    verdict = judge(mine, copy, "tool", pass_env=["PATH"])
    assert verdict.reason is Reason.NOT_FOUND
    assert "read_only" in verdict.message
    assert judge(mine, copy, "tool", pass_env=["PATH"], read_only=[str(tool.parent)]).output == "tool\n"


def test_what_is_shown_read_only_cannot_be_written(sandbox: Sandbox, copy: WorkingCopy, place: Path) -> None:
    library = place / "library"
    library.mkdir()
    (library / "file").write_text("x")
    for path in (library, library / "file"):
        path.chmod(0o777)
    command = ["sh", "-c", f"cat {library}/file && ! echo y > {library}/file && ! touch {library}/new"]
    assert judge(sandbox, copy, command, read_only=[str(library)]).passed
    assert judge(sandbox, copy, ["ls", str(place)]).reason is Reason.FAILED


def test_an_environment_shows_its_interpreter_wherever_it_lies(place: Path) -> None:
    installed, by_version = place / "python-3.11.9", place / "python-3.11"
    (installed / "bin").mkdir(parents=True)
    (installed / "lib/python3.11").mkdir(parents=True)
    (installed / "lib/python3.11/os.py").touch()
    (installed / "bin/python3.11").touch()
    by_version.symlink_to("python-3.11.9")
    venv = place / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").symlink_to("python3.11")
    (venv / "bin/python3.11").symlink_to(by_version / "bin/python3.11")
    shown = shown_folders(VerifyProfile(command=("python",), venv=str(venv)))
    assert shown == [str(venv), str(by_version), str(installed)]


def _closed_environment(place: Path, mode: int) -> Path:
    """An environment behind a folder that nobody but root can pass, with one program of that mode."""
    bin_folder = place / "closed" / "venv" / "bin"
    bin_folder.mkdir(parents=True)
    (place / "closed").chmod(0o700)
    (bin_folder / "judge").write_text("#!/bin/sh\necho seen; echo 1 > $0.mine || echo kept\n")
    (bin_folder / "judge").chmod(mode)
    return bin_folder.parent


def test_an_environment_behind_a_closed_folder_is_shown_all_the_same(
    sandbox: Sandbox, copy: WorkingCopy, place: Path
) -> None:
    verdict = judge(sandbox, copy, "judge", venv=str(_closed_environment(place, 0o755)))
    assert verdict.reason is Reason.PASSED, verdict
    assert verdict.output.startswith("seen\n")
    assert verdict.output.endswith("kept\n")
    assert list((place / "shown").glob("*")) == []  # nothing that this machine sees


def test_commands_of_such_an_environment_are_ended_too(sandbox: Sandbox, copy: WorkingCopy, place: Path) -> None:
    tool = _closed_environment(place, 0o755) / "bin" / "judge"
    tool.write_text("#!/bin/sh\nsleep 100 & sleep 100\n")
    verdict = judge(sandbox, copy, "judge", venv=str(tool.parent.parent), timeout_s=0.5)
    assert verdict.reason is Reason.TIMEOUT


def test_a_program_that_commands_cannot_start_is_refused_at_start(either: Sandbox, place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("commands run as this user")
    profile = VerifyProfile(command=("judge",), venv=str(_closed_environment(place, 0o700)))
    profiles = {"other": VerifyProfile(command=("./run.sh",)), "unit": profile}
    ((name, error),) = probe.broken_profiles(either, place, profiles).items()
    assert (name, error.field) == ("unit", "verify.unit.command")
    assert "judge: found, but it cannot be started by user" in error.reason


def test_a_home_folder_is_not_shown_for_an_interpreter_in_its_bin(place: Path) -> None:
    (place / "home/bin").mkdir(parents=True)
    (place / "home/bin/python3").touch()
    (place / "venv/bin").mkdir(parents=True)
    (place / "venv/bin/python").symlink_to(place / "home/bin/python3")
    assert shown_folders(VerifyProfile(command=("python",), venv=f"{place}/venv")) == [f"{place}/venv"]


def test_one_run_as_root_runs_as_somebody_else(sandbox: Sandbox, copy: WorkingCopy) -> None:
    if os.geteuid() != 0:
        pytest.skip("not root")
    assert judge(sandbox, copy, "sh -c 'id -un; touch mine; sleep 0.01'").output == "maze\n"
    assert Path(copy.root, "mine").stat().st_uid == sandbox_uid(0) != 0


@pytest.mark.parametrize("closed", [False, True])
def test_commands_die_with_a_worker_that_is_killed(sandbox: Sandbox, place: Path, tree: Path, *, closed: bool) -> None:
    mark = f"31558{os.getpid()}"
    venv = str(_closed_environment(place, 0o755)) if closed else None
    script = f"""
        from pathlib import Path
        from maze_tasks.verification import Check, Sandbox, Snapshots, Verifier, VerifyProfile
        from maze_tasks.verification.bubblewrap import Bubblewrap
        place = Path({str(place)!r})
        snapshots = Snapshots(place / "snapshots")
        digest = snapshots.add(Path({str(tree)!r})).digest
        command = ("sh", "-c", "touch started; sleep {mark} & sleep {mark}")
        profiles = {{"unit": VerifyProfile(command=command, venv={venv!r})}}
        Verifier(profiles, Sandbox(Bubblewrap.found(place)), place, snapshots).verify(Check("unit", digest, {{}}))
    """
    worker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
    started = place / "slots/0/tree/started"
    _until(started.exists)
    worker.kill()
    worker.wait()
    _until(lambda: not _running(mark))


def _until(holds: Callable[[], bool], within_s: float = 20.0) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def _running(mark: str) -> bool:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False


@pytest.fixture
def verifier(unverified: Verifier) -> Verifier:
    unverified.profiles["unit"] = VerifyProfile(command=("sh", "-c", "cat {file}", "{file}"))
    return unverified


def test_a_worker_says_which_holes_it_must_leave(verifier: Verifier, snapshots: Snapshots, tree: Path) -> None:
    digest = snapshots.add(tree).digest
    assert verifier.unable("unit", digest) is None
    assert "no such profile" in str(verifier.unable("other", digest))
    assert "no snapshot bbbbbbbbbbbb" in str(verifier.unable("unit", "b" * 64))
    assert "no digest" in str(verifier.unable("unit", "bad"))


def test_what_a_hole_may_not_ask_for_is_refused_and_the_copy_stays_good(
    verifier: Verifier, snapshots: Snapshots, tree: Path
) -> None:
    digest = snapshots.add(tree).digest
    with pytest.raises(InputError, match="no file of the tree"):
        verifier.verify(Check("unit", digest, {"../x": b""}, {"file": "data.txt"}))
    with pytest.raises(InputError, match="gives none"):
        verifier.verify(Check("unit", digest, {"data.txt": b"spoilt\n"}))
    with pytest.raises(ConfigError, match="no such profile"):
        verifier.verify(Check("other", digest, {}))
    verdict = verifier.verify(Check("unit", digest, {"data.txt": b"filled\n"}, {"file": "data.txt"}))
    assert (verdict.reason, verdict.output) == (Reason.PASSED, "filled\n")
    assert verifier.verify(Check("unit", digest, {}, {"file": "data.txt"})).output == "data\n"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"command": "no-such-program"}, "verify.unit.command"),
        ({"command": "true", "venv": "/no/such/venv"}, "verify.unit.venv"),
        ({"command": "true", "read_only": ["/no/such/folder"]}, "verify.unit.read_only"),
        ({"command": "true", "protect": ["tests"]}, "verify.unit.protect"),
    ],
)
def test_a_profile_that_cannot_run_here_is_refused_at_start(
    place: Path, settings: dict[str, object], field: str
) -> None:
    profiles = {"unit": VerifyProfile.model_validate(settings)}
    with pytest.raises(ConfigError) as caught:
        open_verifier(profiles, place / "snapshots", folder=place, sandbox="none")
    assert caught.value.field == field


def test_a_profile_that_cannot_run_here_does_not_stop_the_others(place: Path, snapshots: Snapshots, tree: Path) -> None:
    profiles = {"lint": VerifyProfile(command=("no-such-linter",)), "unit": VerifyProfile(command=("true",))}
    opened = open_verifier(profiles, snapshots.folder, folder=place, sandbox="none")
    digest = snapshots.add(tree).digest
    assert "no-such-linter: no such program" in str(opened.unable("lint", digest))
    assert opened.unable("unit", digest) is None
    opened.close()


def test_without_a_sandbox_by_name_fills_are_judged_all_the_same(place: Path, tree: Path) -> None:
    profiles = {"unit": VerifyProfile(command=("cat", "{path}"))}
    verifier = open_verifier(profiles, place / "snapshots", folder=place / "own", sandbox="none")
    digest = verifier.trees.snapshots.add(tree).digest
    check = Check("unit", digest, {"data.txt": b"filled\n"}, {"file": "data.txt"})
    assert verifier.verify(check).output == "filled\n"
    verifier.close()


def test_a_place_of_which_nothing_is_left_is_no_verdict_on_the_fill(either: Sandbox, place: Path) -> None:
    nowhere = Workplace(f"{place}/none", f"{place}/none", sandbox_uid(0))
    verdict, _ = either.run(VerifyProfile(command=("true",)), {}, nowhere)
    assert verdict.reason is Reason.SANDBOX_ERROR
