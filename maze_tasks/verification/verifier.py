"""The front door of this package: fills in, verdicts out."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maze_tasks.errors import ConfigError, Refused
from maze_tasks.verification.copies import Copies
from maze_tasks.verification.placeholders import Value
from maze_tasks.verification.probe import SandboxName, broken_profiles, open_sandbox
from maze_tasks.verification.profiles import VerifyProfile, profile_named
from maze_tasks.verification.sandbox import Sandbox
from maze_tasks.verification.snapshot import MissingSnapshot, Snapshots, Trees
from maze_tasks.verification.verdict import Reason, Verdict


@dataclass(frozen=True, slots=True)
class Check:
    """One fill to be judged.

    Args:
        profile: name of a profile of the worker.
        digest: of the tree.
        files: path relative to the root to content, for each file that the fill changes.
        values: what the hole gives for the placeholders of the command.
    """

    profile: str
    digest: str
    files: Mapping[str, bytes] = field(repr=False)
    values: Mapping[str, Value] = field(default_factory=dict)


class Verifier:
    """Judges fills in this process; threads may share it, a forked process makes its own copies.

    Args:
        profiles: the worker's own, by name.
        sandbox: as `open_sandbox` gave it.
        folder: for trees and working copies; local to the machine, shared by its workers.
        snapshots: where trees come from.
        broken: what is wrong with profiles that cannot run here, by name.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(
        self,
        profiles: Mapping[str, VerifyProfile],
        sandbox: Sandbox,
        folder: Path,
        snapshots: Snapshots,
        broken: Mapping[str, ConfigError] | None = None,
    ) -> None:
        self.profiles, self.sandbox, self.broken = dict(profiles), sandbox, dict(broken or {})
        self.trees = Trees(folder, snapshots)
        self.copies = Copies(folder)

    def unable(self, profile: str, digest: str) -> str | None:
        """Why this worker must leave a hole to another, or None where it can take it.

        Args:
            profile: the profile that the hole names.
            digest: of its tree.
        """
        try:
            profile_named(self.profiles, profile)
            if profile in self.broken:
                return str(self.broken[profile])
            if not self.trees.available(digest):
                return str(MissingSnapshot(digest, self.trees.snapshots.folder))
        except Refused as refused:
            return str(refused)
        return None

    def verify(self, check: Check, cancelled: threading.Event | None = None) -> Verdict:
        """Run the command of a profile on the tree with the fill in it.

        Args:
            check: what is to be judged.
            cancelled: set from outside to end the command early.

        Returns:
            The verdict. What is wrong with this machine rather than with the fill is one too (`Verdict.conclusive`).

        Raises:
            ConfigError: the worker has no such profile.
            MissingSnapshot: it cannot get at the tree.
            InputError: the fill changes what is no file of the tree, or a value cannot be an argument.
            Refused: the archive is damaged, or all working copies are in use.
        """
        profile = profile_named(self.profiles, check.profile)
        try:
            with self.trees.hold(check.digest) as base, self.copies.take(base, check.digest) as copy:
                copy.apply(check.files)
                verdict, gone = self.sandbox.run(profile, check.values, copy.workplace, cancelled)
                copy.spoilt = not gone
        except OSError as error:
            return Verdict(Reason.SANDBOX_ERROR, f"the working copy failed: {error}")
        return verdict

    def close(self) -> None:
        """Remove the working copies and the trees that nobody used for long."""
        self.copies.close()
        self.trees.sweep()


def open_verifier(
    profiles: Mapping[str, VerifyProfile],
    snapshots: Path,
    *,
    folder: Path | None = None,
    sandbox: SandboxName = "bubblewrap",
    env: Mapping[str, str] | None = None,
) -> Verifier:
    """The verifier of a worker, once its sandbox has shown that it holds.

    Args:
        profiles: the worker's own, by name.
        snapshots: folder of the archives, shared with where runs begin.
        folder: for trees and working copies, local to the machine; None is `default_folder`.
        sandbox: ``bubblewrap``, or ``none`` to do without, which is unsafe.
        env: the worker's environment, of which profiles pass variables on; None means that of the process.

    Raises:
        ConfigError: no profile can run here; where some can, the others are `Verifier.broken`.
        Refused: the sandbox cannot be made or does not hold, or a folder cannot be made or is somebody else's.
    """
    place = folder or default_folder()
    try:
        place.mkdir(parents=True, exist_ok=True)
        if place.stat().st_uid != os.geteuid():
            raise Refused(f"{place} belongs to another user: verifying needs a folder of its own")
        opened = open_sandbox(sandbox, place, env)
        broken = broken_profiles(opened, place, profiles)
        if broken and len(broken) == len(profiles):
            raise next(iter(broken.values()))
        return Verifier(profiles, opened, place, Snapshots(snapshots), broken)
    except OSError as error:
        raise Refused(f"verifying needs the folders {place} and {snapshots}: {error}") from None


def default_folder() -> Path:
    """Where trees and working copies lie unless told otherwise: a cache that the commands' user can reach."""
    if os.geteuid() == 0:
        return Path("/var/cache/maze-tasks")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "maze-tasks")
