"""Where fills that mean harm are judged: a tree, and something outside, which must stay as they are."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from maze_tasks.verification import Check, Snapshots, Verdict, Verifier, VerifyProfile

TEST = "import pkg.other; assert pkg.other.VALUE == 1; import pkg.fill; print('1 passed')"
COMMAND = ("python3", "-c", TEST)
GOOD = b"VALUE = 2\n"


class Arena:
    """A verifier, a tree, and something outside that must stay as it is."""

    def __init__(self, verifier: Verifier, digest: str, outside: Path) -> None:
        self.verifier, self.digest, self.outside = verifier, digest, outside

    def judge(self, source: str, **limits: object) -> Verdict:
        settings = {"timeout_s": 20.0, "memory_mb": 512, "processes": 32, **limits}
        profile = VerifyProfile.model_validate({"command": COMMAND, **settings})
        self.verifier.profiles["unit"] = profile
        fill = f"OUTSIDE = {str(self.outside)!r}\n{textwrap.dedent(source)}\n".encode()
        return self.verifier.verify(Check("unit", self.digest, {"pkg/fill.py": fill}))


def contents(root: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        facts = path.lstat()
        what = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(root))] = (what, facts.st_mode, facts.st_mtime_ns)
    return found


@pytest.fixture
def arena(unverified: Verifier, snapshots: Snapshots, tree: Path, place: Path) -> Iterator[Arena]:
    outside = place / "outside"
    outside.mkdir(mode=0o777)
    outside.chmod(0o777)  # by the rights of files alone everybody may write here
    (outside / "precious").write_text("precious")
    (outside / "precious").chmod(0o666)
    digest = snapshots.add(tree).digest
    arena = Arena(unverified, digest, outside)
    with unverified.trees.hold(digest) as base:
        before = contents(base), contents(outside), contents(tree)
        yield arena
        assert (contents(base), contents(outside), contents(tree)) == before
        good = Check("unit", digest, {"pkg/fill.py": GOOD})
        unverified.profiles["unit"] = VerifyProfile(command=COMMAND, timeout_s=20)
        assert unverified.verify(good).output == "1 passed\n"
        with unverified.copies.take(base, digest) as copy:
            assert contents(Path(copy.root)) == before[0]
