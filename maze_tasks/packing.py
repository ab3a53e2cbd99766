"""The tree of a run on its way to those who verify: what of it is packed, and which old archives go."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from maze_tasks.config import Settings
from maze_tasks.source.ignoring import globs
from maze_tasks.store import RunStore, care
from maze_tasks.verification import Keep, Snapshot, Snapshots, belongs

_ENVIRONMENT = "pyvenv.cfg"  # marks a virtual environment of Python, which is of no use in another place
_DAY_S = 86_400.0


def pack_tree(settings: Settings, store: RunStore, tree: Path) -> Snapshot:
    """Pack a tree for those who verify, and remove archives that no open run needs and nobody packed for long.

    Args:
        settings: where archives lie, and what is left out of them.
        store: knows the open runs.
        tree: the folder.

    Raises:
        Refused: the tree is too large, changed meanwhile, or cannot be read; or the archive cannot be written.
    """
    snapshots = Snapshots(settings.snapshot_dir)
    packed = snapshots.add(tree, keep_of(settings, tree))
    infos = (store.info(run) for run in care.active_runs(store))
    needed = {info.rules.snapshot for info in infos if info is not None and info.rules.snapshot is not None}
    snapshots.sweep({packed.digest, *needed}, settings.expire_days * _DAY_S)
    return packed


def keep_of(settings: Settings, tree: Path) -> Keep:
    """What of a tree is packed: not the project's own configuration and state, which fills have no business to read.

    Args:
        settings: the configuration; `snapshot_exclude` names what else is left out.
        tree: the folder.

    Raises:
        Refused: a glob can match nothing.
    """
    own = [settings.config_path, settings.state_dir, settings.snapshot_dir, settings.verify_dir]
    private = frozenset(path.resolve() for path in own if path is not None)
    excluded = globs(settings.snapshot_exclude)
    root = tree.resolve()

    def keep(path: str, is_folder: bool) -> bool:  # noqa: FBT001 - it is a `Keep`
        place = root / path
        return (
            belongs(path, is_folder)
            and place not in private
            and not (is_folder and (place / _ENVIRONMENT).is_file())
            and not excluded.match(path, is_folder=is_folder)
        )

    return keep


def is_kept(keep: Keep, path: str) -> bool:
    """Whether a file is packed: it, and each folder that it is in.

    Args:
        keep: what is packed.
        path: of the file, relative to the root.
    """
    folders = [str(each) for each in PurePosixPath(path).parents][:-1]
    asked = [(path, False), *((folder, True) for folder in folders)]
    return all(keep(*each) for each in asked)
