"""Every script's keys lie in one slot of a Redis Cluster (CRC16 of the hash tag)."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from redis.crc import key_slot

from maze_tasks.store.keys import RunKeys


@pytest.mark.parametrize("run", ["plain", "with space", "{brace}", "a}b{c", "ü/|:", "x" * 200])
def test_all_keys_of_a_run_share_a_slot_whatever_its_name(run: str) -> None:
    keys = RunKeys("maze", run)
    named = [keys.meta, keys.plans, keys.ids, keys.accounts, keys.leases, keys.due, keys.events, keys.notes]
    named += [keys.hole("i{1}"), keys.text("s}x{"), keys.attempts("i5"), keys.queued("{other}")]
    assert len({key_slot(key.encode()) for key in named}) == 1


def test_runs_and_namespaces_do_not_share_keys() -> None:
    assert RunKeys("a", "b:{r:c}").meta != RunKeys("a:{r:b}", "c").meta


NAMES = sorted(
    entry.name.removesuffix(".lua")
    for entry in (resources.files("maze_tasks.store") / "lua").iterdir()
    if entry.name.endswith(".lua") and not entry.name.startswith("_")
)


@pytest.mark.parametrize("name", NAMES)
def test_a_script_names_its_keys_and_builds_none(name: str) -> None:
    text = (resources.files("maze_tasks.store") / "lua" / f"{name}.lua").read_text("utf-8")
    assert "-- KEYS: 1 " in text
    assert not re.search(r"redis\.call\('\w+', *'", text), "a key written into the script would escape its slot"
