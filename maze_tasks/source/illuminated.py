"""The holes of a tree with pieces of the code base around them: two passes, of which the first makes an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from maze_tasks.models import Hole
from maze_tasks.source.context import context_of
from maze_tasks.source.index import Index
from maze_tasks.source.modules import Modules
from maze_tasks.source.tree import Choice, Skipped, SourceFile, Summary, read_bytes, scan_tree, source_files


def scan_with_context(
    root: Path, choice: Choice, summary: Summary, on_skip: Callable[[Skipped], None] | None = None
) -> Iterator[Hole]:
    """Holes of a tree as `scan_tree` finds them, each with the pieces that help to fill it.

    Args:
        root: a folder, or one file.
        choice: what of it to look at.
        summary: counts what is seen.
        on_skip: told of everything that is passed over.

    Raises:
        InputError: there is no such folder or file.
        Refused: a glob is wrong, or a grammar is not installed.
        MazeError: there is no room for temporary files.
    """
    top = root if root.is_dir() else root.parent
    with closing(Index(lambda path: _bytes_of(top / path, choice.max_bytes))) as index:
        modules = Modules(top)
        for seen in source_files(root, choice):
            if isinstance(seen, SourceFile):
                summary.indexed += 1
                index.add(seen.path, seen.language, seen.data)
                if seen.language == "python":
                    modules.add(seen.path, seen.data)
        known = modules.all() if root.is_dir() else None
        path, data = "", b""
        for hole in scan_tree(root, choice, summary, on_skip):
            assert hole.place is not None
            assert hole.language is not None
            if hole.place.path != path:
                path, data = hole.place.path, index.read(hole.place.path) or b""
            wanted = [one.value for one in hole.spec.fill_constraints if one.kind == "must_use_binding"]
            pieces = context_of(data, hole.language, hole.place, index, names=wanted)
            place = hole.place.model_copy(update={"modules": known}) if hole.language == "python" else hole.place
            yield hole.model_copy(update={"pieces": pieces, "place": place})


def _bytes_of(path: Path, limit: int) -> bytes | None:
    try:
        return read_bytes(str(path), limit)
    except OSError:
        return None
