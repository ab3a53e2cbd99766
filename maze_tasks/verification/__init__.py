"""Judge fills by running a command of the worker's configuration on a copy of the tree, in a sandbox.

::

    profiles     what may be run, and what it is allowed        verifier    fills in, verdicts out
    probe        shows at start that the sandbox holds          sandbox     one run of one profile
    bubblewrap, unconfined, launch   how to start it            running     starts, watches, ends it
    copies, working_copy             where it runs              snapshot    how the tree gets there
"""

from maze_tasks.verification.archive import Damaged, Limits
from maze_tasks.verification.probe import SandboxName, open_sandbox
from maze_tasks.verification.profiles import PLACEHOLDERS, VerifyProfile, read_profiles
from maze_tasks.verification.sandbox import Sandbox
from maze_tasks.verification.snapshot import MissingSnapshot, Snapshot, Snapshots, Trees
from maze_tasks.verification.verdict import Reason, Verdict
from maze_tasks.verification.verifier import Check, Verifier, default_folder, open_verifier

__all__ = [
    "PLACEHOLDERS",
    "Check",
    "Damaged",
    "Limits",
    "MissingSnapshot",
    "Reason",
    "Sandbox",
    "SandboxName",
    "Snapshot",
    "Snapshots",
    "Trees",
    "Verdict",
    "Verifier",
    "VerifyProfile",
    "default_folder",
    "open_sandbox",
    "open_verifier",
    "read_profiles",
]
