"""What of a batch is verified, and whether it can be: found out before anything is spent."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

from maze_tasks.errors import InputError, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from maze_tasks.config import Settings
    from maze_tasks.intake import NumberedHole
    from maze_tasks.models import Hole
    from maze_tasks.store import RunStore
    from maze_tasks.verification import Keep, VerifyProfile

MISSING = "is not in the tree: scan it again"
CHANGED = "has changed since the hole was found: scan the tree again"
LINKED = "is a link or lies behind one: fills go into files"
LEFT_OUT = "is left out of what is verified (snapshot_exclude, a cache, an environment or the like)"
_WRONG = frozenset({MISSING, LINKED, LEFT_OUT})
MOST_SHOWN = 5  # entries of a tree that a message names


class Judged:
    """Looks at each hole of an input as it is read.

    Args:
        settings: the configuration.
        source: name of the input.
        tree: the folder that the holes were scanned from, None where nobody knows.
        profile: the profile of the run, None for none.
    """

    def __init__(self, settings: Settings, source: str, tree: Path | None, profile: str | None) -> None:
        self.settings, self.source, self.tree, self.profile = settings, source, tree, profile
        self.profiles: set[str] = set()
        self.without_place = 0
        self.changed: InputError | None = None
        self._files: dict[str, str] = {}

    def look(self, numbered: NumberedHole) -> None:
        """Look at one hole.

        Args:
            numbered: the hole and its line.

        Raises:
            InputError: it asks for a profile that there is not, or gives no value for a placeholder.
            Refused: it is to be verified, and no tree is named.
        """
        hole = numbered.hole
        name = self._named(hole)
        if name is None:
            return
        if hole.place is None:
            self.without_place += 1
            return
        if self.tree is None or not self.tree.is_dir():
            raise Refused(
                f"the hole {hole.id!r} is to be verified with {name!r}: name the folder that it was scanned from with "
                "--tree, or verify none with --no-verify"
            )
        self.profiles.add(name)
        self._look_at_values(hole, self._known(name, numbered.line), numbered.line)
        self._look_at_file(hole, numbered.line)

    def profile_of(self, hole: Hole) -> str | None:
        """The profile that judges a hole, None where none does."""
        return self._named(hole) if hole.place is not None else None

    def refuse_changed(self) -> None:
        """Refuse holes that are not where they were found.

        Raises:
            InputError: a file changed since the holes were scanned.
        """
        if self.changed is not None:
            raise self.changed

    def tell(self) -> str | None:
        """What the user should know of what was seen, None for nothing."""
        if not self.without_place:
            return None
        return f"{self.without_place} holes have no place in a tree: their fills are accepted without being verified"

    def rehearse(self) -> None:
        """Open a sandbox as a worker of this machine will, and look for the programs of the profiles.

        Raises:
            ConfigError: a profile cannot run here.
            Refused: the sandbox does not hold or cannot be made.
            InputError: a file changed since the holes were scanned.
        """
        self.refuse_changed()
        if self.profiles and self.settings.embedded:
            from maze_tasks.verifying import verifier_of

            opened = verifier_of(self.settings, self.profiles)
            opened.close()
            for error in opened.broken.values():
                raise error

    def pack(self, store: RunStore) -> str | None:
        """Pack the tree where some hole is verified, and say what could not be taken along; its digest, else None.

        Args:
            store: knows which older archives are needed.

        Raises:
            Refused: the tree cannot be packed.
        """
        if not self.profiles or self.tree is None:
            return None
        from maze_tasks.cli.output import named, warn
        from maze_tasks.packing import pack_tree

        packed = pack_tree(self.settings, store, self.tree)
        if packed.left_out:
            shown = ", ".join(named(path) for path in packed.left_out[:MOST_SHOWN])
            more = len(packed.left_out) - MOST_SHOWN
            warn(
                "commands will not see what no copy of the tree can hold (links that lead out, pipes, what cannot be "
                f"read): {shown}" + (f" and {more} more" if more > 0 else "")
            )
        return packed.digest

    def _named(self, hole: Hole) -> str | None:
        own = hole.verify.profile if hole.verify is not None else None
        return own or self.profile

    def _known(self, name: str, line: int) -> VerifyProfile:
        from maze_tasks.models import did_you_mean

        profile = self.settings.verify.get(name)
        if profile is None:
            known = did_you_mean(name, list(self.settings.verify))
            reason = f"no profile is named {name!r}{known}; [verify.NAME] tables configure them"
            raise InputError(reason, file=self.source, line=line, field="verify.profile")
        return profile

    def _look_at_values(self, hole: Hole, profile: VerifyProfile, line: int) -> None:
        from maze_tasks.judging import values_of

        values = values_of(hole)
        try:
            profile.arguments({**values, "root": "/", "path": f"/{values['file']}"})
        except InputError as error:
            field = f"verify.values.{error.field}" if error.field else "verify.values"
            raise InputError(error.reason, file=self.source, line=line, field=field) from None

    def _look_at_file(self, hole: Hole, line: int) -> None:
        """Remember the first hole whose file is not what was scanned: none of its fills could be put into it."""
        assert hole.place is not None
        path = hole.place.path
        if path not in self._files:
            self._files[path] = self._seen(path)
        found = self._files[path]
        wrong = found if found in _WRONG else None if found == hole.place.sha256 else CHANGED
        if wrong is not None and self.changed is None:
            reason = f"{path[:200]!r} {wrong}"
            self.changed = InputError(reason, file=self.source, line=line, field="place.path")

    @cached_property
    def _keep(self) -> Keep:
        from maze_tasks.packing import keep_of

        assert self.tree is not None
        return keep_of(self.settings, self.tree)

    def _seen(self, path: str) -> str:
        """The digest of a file, or what is wrong with it."""
        from maze_tasks.packing import is_kept

        assert self.tree is not None
        root = self.tree.resolve()
        try:
            if (root / path).resolve(strict=True) != root / path:
                return LINKED
            if not is_kept(self._keep, path):
                return LEFT_OUT
            return hashlib.sha256((root / path).read_bytes()).hexdigest()
        except (OSError, ValueError):
            return MISSING
