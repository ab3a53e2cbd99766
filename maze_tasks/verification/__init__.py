"""Judge fills by running a command of the worker's configuration on a copy of the tree, in a sandbox.

::

    profiles     what may be run, and what it is allowed        verifier    fills in, verdicts out
    probe        shows at start that the sandbox holds          sandbox     one run of one profile
    bubblewrap, unconfined, launch   how to start it            running     starts, watches, ends it
    copies, working_copy             where it runs              snapshot    how the tree gets there

Everything is imported when it is first used: the configuration needs the profiles, and every command the configuration.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maze_tasks.verification.archive import Damaged, Keep, Limits, belongs
    from maze_tasks.verification.placeholders import Value
    from maze_tasks.verification.probe import SandboxName, open_sandbox
    from maze_tasks.verification.profiles import PLACEHOLDERS, VerifyProfile, read_profiles
    from maze_tasks.verification.sandbox import Sandbox
    from maze_tasks.verification.snapshot import MissingSnapshot, Snapshot, Snapshots, Trees
    from maze_tasks.verification.verdict import Reason, Verdict
    from maze_tasks.verification.verifier import Check, Verifier, default_folder, open_verifier

_HOME = {
    "maze_tasks.verification.archive": ("Damaged", "Keep", "Limits", "belongs"),
    "maze_tasks.verification.placeholders": ("Value",),
    "maze_tasks.verification.probe": ("SandboxName", "open_sandbox"),
    "maze_tasks.verification.profiles": ("PLACEHOLDERS", "VerifyProfile", "read_profiles"),
    "maze_tasks.verification.sandbox": ("Sandbox",),
    "maze_tasks.verification.snapshot": ("MissingSnapshot", "Snapshot", "Snapshots", "Trees"),
    "maze_tasks.verification.verdict": ("Reason", "Verdict"),
    "maze_tasks.verification.verifier": ("Check", "Verifier", "default_folder", "open_verifier"),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "PLACEHOLDERS",
    "Check",
    "Damaged",
    "Keep",
    "Limits",
    "MissingSnapshot",
    "Reason",
    "Sandbox",
    "SandboxName",
    "Snapshot",
    "Snapshots",
    "Trees",
    "Value",
    "Verdict",
    "Verifier",
    "VerifyProfile",
    "belongs",
    "default_folder",
    "open_sandbox",
    "open_verifier",
    "read_profiles",
]


def __getattr__(name: str) -> Any:
    """A name of the public interface, imported now."""
    module = _WHERE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
