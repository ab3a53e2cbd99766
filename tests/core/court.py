"""A bench whose fills are judged on a tree, by a verifier that runs real commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from maze_tasks.judging import Judge
from maze_tasks.messages import FillMessage, VerifyMessage
from maze_tasks.models import Hole, read_hole
from maze_tasks.models.runs import RunRules
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.source.scanner import line_of
from maze_tasks.source.tree import Choice, Summary, scan_tree
from maze_tasks.verification import Snapshots, Verifier, VerifyProfile, open_verifier

from .conftest import RUN, Bench

CODE = '''def one():
    """One."""
    raise NotImplementedError


def two():
    """Twice one."""
    return one() + one() if one() else NotImplemented
'''
GOOD, BAD = "    return 1\n", "    return 2\n"


class Court:
    """A bench whose fills are judged on a tree."""

    def __init__(
        self, bench: Bench, folder: Path, command: tuple[str, ...] = ("grep", "-q", "return 1", "a.py")
    ) -> None:
        self.bench = bench
        self.tree = folder / "tree"
        self.tree.mkdir()
        (self.tree / "a.py").write_text(CODE)
        profile = VerifyProfile(command=command, timeout_s=20)
        snapshots = Snapshots(folder / "snapshots")
        self.digest = snapshots.add(self.tree).digest
        self.verifier = open_verifier({"unit": profile}, folder / "snapshots", folder=folder / "work", sandbox="none")
        self.stepped_back: list[float] = []
        self.judge = Judge(
            bench.store, bench.filler.leases, bench.sent.extend, self._verifier, step_back=self.stepped_back.append
        )
        self.opened = 0

    def _verifier(self) -> Verifier:
        self.opened += 1
        return self.verifier

    def holes(self) -> list[Hole]:
        found = scan_tree(self.tree, Choice(), Summary())
        return [read_hole(json.loads(json.dumps(line_of(hole)))) for hole in found]

    def submit(self, **more: Any) -> None:
        rules = RunRules(max_retries=0, verify="unit", snapshot=self.digest)
        options = RunOptions(rules=rules, **more)
        producer = Producer(self.bench.store, self.bench.sent.extend, self.bench.settings.endpoints, options)
        producer.submit(RUN, self.holes(), input_digest="in", config_digest="c")

    def run_all(self) -> None:
        while self.bench.sent:
            message = self.bench.sent.pop(0)
            if isinstance(message, VerifyMessage):
                self.judge.judge(message)
                continue
            link: FillMessage | None = message
            while link is not None:
                link = self.bench.run_link(link)
