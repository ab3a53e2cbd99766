"""Packages of PyPI with holes cut into them: fetched, cut, and their own test suites run straight."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.filling import MARKER
from benchmarks.rows import Unusable
from benchmarks.straight import SETTLED

PLUGIN = Path(__file__).with_name("seen_by_tests.py")
# Their own settings may ask for plugins of pytest that are not here.
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=")


@dataclass(frozen=True)
class Hole:
    """A function whose body is to be cut out.

    Args:
        package, version, sha256: of the source distribution.
        source: folder in it that is put on the path.
        file: path in it.
        name: of the function, dotted.
        lines: of the ``def``, and the first and last one of the body, from 1.
        indent: of the body.
        body: as it was recorded.
    """

    package: str
    version: str
    sha256: str
    source: str
    file: str
    name: str
    lines: tuple[int, int, int]
    indent: str
    body: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Hole:
        """The hole of a row of recorded data."""
        lines = (row["def_line"], row["body_start"], row["body_end"])
        names = ("package", "version", "sdist_sha256", "pythonpath", "file", "qualname")
        return cls(*(row[name] for name in names), lines, row["indent"], row["body"])

    @property
    def path(self) -> str:
        """Its file in the tree of all packages."""
        return f"{self.package}/{self.file}"

    def split(self, text: str) -> tuple[str, str, str]:
        """A file's text before the body, the body, and behind it."""
        _, first, last = self.lines
        lines = text.splitlines(keepends=True)
        return "".join(lines[: first - 1]), "".join(lines[first - 1 : last]), "".join(lines[last:])

    def require(self, tree: Path) -> None:
        """See that the body is where it was recorded.

        Raises:
            Unusable: it is not.
        """
        if self.split((tree / self.path).read_text(encoding="utf-8"))[1] != self.body:
            raise Unusable(f"{self.path}: lines {self.lines[1]} to {self.lines[2]} are not the body of {self.name}")


@dataclass(frozen=True)
class Suite:
    """What a package's own tests came to.

    Args:
        outcomes: by test.
        seen: numbers of the holes that each test comes to.
    """

    outcomes: Mapping[str, str]
    seen: Mapping[str, frozenset[int]]

    def deciding(self, number: int) -> tuple[str, ...]:
        """The tests that pass and come to a hole."""
        return tuple(test for test, holes in self.seen.items() if number in holes and self.outcomes[test] == "passed")


def fetch(holes: Iterable[Hole], tree: Path, folder: Path) -> None:
    """Unpack the source distributions into a folder each, named after the package.

    Args:
        holes: of the packages.
        tree: where they go.
        folder: for the archives.

    Raises:
        Unusable: pip cannot get them; it refuses those with another digest.
    """
    wanted = sorted({(one.package, one.version, one.sha256) for one in holes})
    folder.mkdir()
    asked = folder / "requirements.txt"
    asked.write_text("".join(f"{name}=={version} --hash=sha256:{digest}\n" for name, version, digest in wanted))
    pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
    options = ["--no-binary", ":all:", "--require-hashes", "-r", str(asked), "-d", str(folder)]
    done = subprocess.run([*pip, *options], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unusable(f"pip cannot fetch the packages: {done.stderr.strip()[-2000:]}")
    for name, version, _ in wanted:
        (archive,) = folder.glob(f"{name}-{version}.tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        (folder / f"{name}-{version}").rename(tree / name)


def run_suite(package: Path, holes: Sequence[Hole], python: str, folder: Path) -> Suite:
    """Run a package's tests on a copy of it, and see which holes each one comes to.

    Args:
        package: its folder.
        holes: of this package; where they are cut, nothing of them is seen.
        python: what runs them.
        folder: empty, to work in.

    Raises:
        Unusable: pytest does not run.
    """
    copy, report = folder / package.name, folder / "report.json"
    shutil.copytree(package, copy)
    functions = [[str(copy / one.file), one.name.rpartition(".")[2], *one.lines] for one in holes]
    asked = {"report": str(report), "functions": functions}
    path = os.pathsep.join([str(PLUGIN.parent), str(copy / holes[0].source)])
    env = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "TMPDIR": str(folder), "PYTHONPATH": path}
    done = subprocess.run(
        [python, "-s", *PYTEST, "-p", PLUGIN.stem],
        cwd=copy,
        env=env | SETTLED | {"SEEN_BY_TESTS": json.dumps(asked), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if not report.exists():
        raise Unusable(f"pytest does not run in {package.name}: {(done.stdout + done.stderr)[-2000:]}")
    found = json.loads(report.read_text(encoding="utf-8"))
    loading = found["loading"]
    seen = {test: frozenset([*numbers, *loading]) for test, numbers in found["seen"].items()}
    return Suite(found["outcomes"], seen)


def cut(tree: Path, holes: Iterable[Hole]) -> None:
    """Put a marker into the place of each body; of several in a file the last one first, so that lines stay."""
    for one in sorted(holes, key=lambda each: each.lines, reverse=True):
        path = tree / one.path
        before, _, after = one.split(path.read_text(encoding="utf-8"))
        path.write_text(f"{before}{one.indent}{MARKER}\n{after}", encoding="utf-8")


def waves(together: Iterable[frozenset[int]], count: int) -> list[list[int]]:
    """Holes that can be cut at the same time: no test comes to two of them.

    A test that comes to two holes says nothing of either while the other is empty. This is a colouring of the graph of
    such pairs, greedy, the holes with most of them first.

    Args:
        together: numbers of the holes that a test comes to, for each test.
        count: of all holes.
    """
    others: list[set[int]] = [set() for _ in range(count)]
    for numbers in together:
        for number in numbers:
            others[number] |= numbers - {number}
    wave: dict[int, int] = {}
    for number in sorted(range(count), key=lambda each: (-len(others[each]), each)):
        taken = {wave[other] for other in others[number] if other in wave}
        wave[number] = next(each for each in range(count) if each not in taken)
    return [[number for number in range(count) if wave[number] == each] for each in range(max(wave.values()) + 1)]
