"""What of a tree goes to those who verify."""

from __future__ import annotations

from pathlib import Path

import pytest

from maze_tasks.config import Settings
from maze_tasks.errors import Refused
from maze_tasks.models import read_hole
from maze_tasks.models.runs import RunRules
from maze_tasks.packing import pack_tree
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.store import RunStore
from maze_tasks.verification import Snapshots, Trees


def names(settings: Settings, store: RunStore, tree: Path, folder: Path) -> list[str]:
    digest = pack_tree(settings, store, tree).digest
    with Trees(folder, Snapshots(settings.snapshot_dir)).hold(digest) as arrived:
        return sorted(str(path.relative_to(arrived)) for path in arrived.rglob("*"))


def test_a_projects_own_files_environments_and_what_it_excludes_stay_behind(store: RunStore, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in ("pkg", "target/debug", ".venv/bin", "archives"):
        (tree / name).mkdir(parents=True)
    for name in ("pkg/a.py", "target/debug/a.o", ".venv/pyvenv.cfg", "ensemble.json", ".gitignore", "data.bin"):
        (tree / name).write_text("x")
    settings = Settings(config_path=tree / "ensemble.json", snapshots="archives", snapshot_exclude=("/target", "*.bin"))
    for _ in range(2):  # the first archive is no part of the second tree
        assert names(settings, store, tree, tmp_path) == [".gitignore", "pkg", "pkg/a.py"]
    with pytest.raises(Refused, match="no glob"):
        pack_tree(settings.model_copy(update={"snapshot_exclude": ("#",)}), store, tree)


def test_an_old_archive_stays_for_as_long_as_an_open_run_needs_it(store: RunStore, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    settings = Settings(config_path=tmp_path / "maze.toml", expire_days=1e-9)
    kept = pack_tree(settings, store, tree).digest
    options = RunOptions(rules=RunRules(snapshot=kept))
    endpoints = Settings.model_validate({"endpoints": [{"endpoint_url": "http://h"}]}).endpoints
    Producer(store, lambda _: None, endpoints, options).submit(
        "r", [read_hole({"hole_id": 1})], input_digest="i", config_digest="c"
    )
    digests = [kept]
    for name in ("a", "b"):
        (tree / name).touch()
        digests.append(pack_tree(settings, store, tree).digest)
    snapshots = Snapshots(settings.snapshot_dir)
    assert [snapshots.has(digest) for digest in digests] == [True, False, True]
