"""One run of a verification on a tree as it is, before any fill is paid for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from maze_tasks.errors import Refused

if TYPE_CHECKING:
    from maze_tasks.config import Settings
    from maze_tasks.models import Hole
    from maze_tasks.verification import Verdict


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of it.

    Args:
        profile: the profile that was tried.
        hole: the hole whose values the command was given.
        verdict: what the command came to with that hole open.
    """

    profile: str
    hole: Hole
    verdict: Verdict

    def report(self) -> dict[str, Any]:
        """The rehearsal as JSON."""
        verdict = self.verdict
        return {
            "profile": self.profile,
            "hole": self.hole.id,
            "file": self.hole.place.path if self.hole.place else None,
            "reason": str(verdict.reason),
            "message": verdict.message,
            "exit_code": verdict.exit_code,
            "seconds": round(verdict.seconds, 3),
            "output": verdict.output,
        }


def rehearse(settings: Settings, source: str, tree: Path, named: str | None) -> Rehearsal:
    """Run the command of a profile once on a copy of the tree in which no hole is filled.

    Args:
        settings: the configuration.
        source: a file of hole lines, ``-``, or a folder of source code.
        tree: the folder that the holes were scanned from.
        named: the profile, None for the configured one; a hole that names its own is tried with that.

    Raises:
        InputError: the input is wrong, or a hole asks for what there is not.
        Refused: there is no profile or no hole to try, the tree cannot be packed, or no sandbox can be made.
    """
    from maze_tasks.cli.judged import Judged
    from maze_tasks.cli.lines import lines_of, surveyed
    from maze_tasks.intake import read_holes
    from maze_tasks.judging import values_of
    from maze_tasks.packing import keep_of
    from maze_tasks.verification import Check, Snapshots
    from maze_tasks.verifying import verifier_of

    profile = named or settings.verify_with
    with lines_of(source, quiet=True) as lines:
        judged = Judged(settings, lines, tree, profile)
        surveyed(lines, skip_invalid=False, limit=None, verified=judged)
        judged.refuse_changed()
        found = ((one.hole, judged.profile_of(one.hole)) for one in read_holes(lines))
        hole, wanted = next(((hole, name) for hole, name in found if name is not None), (None, None))
    if hole is None or wanted is None:
        raise Refused("nothing to verify: no hole has a place in the tree and a profile (--verify, verify_with)")
    with TemporaryDirectory(prefix="maze-check-") as folder:
        snapshots = Snapshots(Path(folder))
        digest = snapshots.add(tree, keep_of(settings, tree)).digest
        verifier = verifier_of(settings, [wanted], snapshots=snapshots.folder)
        try:
            return Rehearsal(wanted, hole, verifier.verify(Check(wanted, digest, {}, values_of(hole))))
        finally:
            verifier.close()
