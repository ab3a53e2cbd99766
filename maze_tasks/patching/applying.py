"""Fills written into a source tree, and taken out again: a file at a time, each wholly or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from maze_tasks.names import HoleId
from maze_tasks.patching.checkout import Checkout, SourceFile
from maze_tasks.patching.journal import Journal, Record
from maze_tasks.patching.planning import FileFills, PatchPlan
from maze_tasks.source.patcher import Patched, PatchRefused, digest, patch

FileStatus = Literal["applied", "restored", "would_apply", "would_restore", "already", "refused"]


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file.

    Args:
        path: the file, relative to the root of the tree.
        status: ``applied`` or ``restored``, with ``would_`` where nothing was to be written; ``already`` as it should
            be; or ``refused``.
        holes: ids of the holes whose fills it takes; empty where fills are taken out.
        kind: with ``refused``, one word for programs (`PatchRefused`).
        reason: with ``refused``, one sentence for people.
        notes: what its user should know.
    """

    path: str
    status: FileStatus
    holes: tuple[HoleId, ...] = ()
    kind: str | None = None
    reason: str | None = None
    notes: tuple[str, ...] = field(default=())

    def report(self) -> dict[str, Any]:
        """The JSON line of `maze apply`."""
        names = ("path", "status", "holes", "kind", "reason", "notes")
        return {name: getattr(self, name) for name in names}


def apply_patch(checkout: Checkout, plan: PatchPlan, journal: Journal, *, check: bool = False) -> Iterator[FileOutcome]:
    """Write the fills of a run into a tree.

    May be repeated: after an interruption, and when more holes of the run are filled. A file is taken if it is as it
    was scanned, or as an earlier call with the same journal left it.

    Args:
        checkout: the tree.
        plan: the fills.
        journal: the run's; what is replaced is kept there before a file is touched.
        check: whether to write nothing and tell what would become of each file.

    Raises:
        MazeError: the journal cannot be written.
    """
    for one in plan.files():
        try:
            with checkout.open(one.path) as file:
                yield _apply(file, one, journal, check=check)
        except PatchRefused as refusal:
            yield FileOutcome(one.path, "refused", one.holes, refusal.kind, refusal.reason)


def reverse_patch(checkout: Checkout, journal: Journal, *, check: bool = False) -> Iterator[FileOutcome]:
    """Take the fills of a run out of a tree: every file gets back the very bytes it had.

    Args:
        checkout: the tree, or a copy of it.
        journal: the run's.
        check: whether to write nothing and tell what would become of each file.

    Raises:
        MazeError: the journal cannot be read.
    """
    for path, records in groupby(journal.records(), key=lambda record: record.path):
        try:
            with checkout.open(path) as file:
                yield _reverse(file, list(records), check=check)
        except PatchRefused as refusal:
            yield FileOutcome(path, "refused", (), refusal.kind, refusal.reason)


def wanted(file: SourceFile, one: FileFills, journal: Journal) -> tuple[str, Patched]:
    """What a file should become: the digest of what was scanned, and the same with the fills.

    Raises:
        PatchRefused: the file was changed since, or the fills do not go into it.
    """
    scanned = one.fills[0][0].sha256
    data = file.data
    if file.sha256 != scanned:
        record = journal.find(one.path, file.sha256)
        if record is not None and record.before == scanned:
            data = record.undone(data)
    return scanned, patch(data, one.fills)


def _apply(file: SourceFile, one: FileFills, journal: Journal, *, check: bool) -> FileOutcome:
    before, patched = wanted(file, one, journal)
    if patched.data == file.data:
        if not check:
            file.drop_draft()
        return FileOutcome(one.path, "already", one.holes)
    file.require_writable()
    if not check:
        journal.add(Record(one.path, before, digest(patched.data), patched.pieces))
        file.replace(patched.data)
    return FileOutcome(one.path, "would_apply" if check else "applied", one.holes, notes=_notes(file))


def _reverse(file: SourceFile, records: list[Record], *, check: bool) -> FileOutcome:
    path = records[0].path
    record = next((one for one in records if one.after == file.sha256), None)
    if record is None:
        if any(one.before == file.sha256 for one in records):
            if not check:
                file.drop_draft()
            return FileOutcome(path, "already")
        raise PatchRefused("changed", "is not as it was left when the fills were written")
    original = record.undone(file.data)
    if digest(original) != record.before:
        raise PatchRefused("system", "cannot be restored: the record of what was replaced is damaged")
    file.require_writable()
    if not check:
        file.replace(original)
    return FileOutcome(path, "would_restore" if check else "restored", notes=_notes(file))


def _notes(file: SourceFile) -> tuple[str, ...]:
    if file.links == 1:
        return ()
    return (f"the file has {file.links} names (hard links); only this one gets the new content",)
