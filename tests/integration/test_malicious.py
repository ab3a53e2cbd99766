"""Fills that mean harm, through the whole of `maze refine --verify`: rejected, and the next candidate fills the hole.

Each attack returns what its test wants to see where it succeeded: one that is accepted is a hole in the sandbox.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from maze_tasks.source.scanner import scan
from tests.integration.stage import Done, Stage, endpoint, staged
from tests.verification.conftest import sandbox, secret, session_place

__all__ = ["sandbox", "secret", "session_place"]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

KEY, VALUE = "HOARDED_KEY", "sk-hoarded-0123456789"
CUT, GOOD = "def f():\n    raise NotImplementedError\n", "    return 1\n"
TEST = "import runpy, sys; assert runpy.run_path(sys.argv[1])['f']() == 1; print('1 passed')"
PROFILE = {
    "command": ["python3", "-c", TEST, "{file}"],
    "timeout_s": 30,
    "memory_mb": 512,
    "processes": 32,
    "pass_pattern": "^1 passed$",
}
PATIENCE_S = 300.0
PLANTED = f"planted-{os.getpid()}"
SLEEPS = f"31557.{os.getpid()}"  # seconds, by which a process that outlives its attack is known
EVERYWHERE = ("/", "/usr", "/etc", "/var/tmp", "/dev", "/dev/shm")

ATTACKS = {
    "deletes": """
        import os, shutil
        seen = os.path.lexists(PRECIOUS + "/file")
        for folder in ("/src", PRECIOUS, PROJECT, TREE):
            shutil.rmtree(folder, ignore_errors=True)
        return int(seen and not os.path.lexists(PRECIOUS + "/file"))
    """,
    "forks": f"""
        import os, time
        while True:
            try:
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0:
                        os.execv("/bin/sleep", ["sleep", {SLEEPS!r}])
            except OSError:
                time.sleep(0.05)
    """,
    "connects": """
        import socket
        for address in (("127.0.0.1", PORT), ("1.1.1.1", 53), ("8.8.8.8", 443)):
            try:
                socket.create_connection(address, timeout=2).send(b"hello")
                return 1
            except OSError:
                pass
        return 0
    """,
    "reads_the_key": """
        import glob, os
        if any("HOARDED" in name for name in os.environ):
            return 1
        for path in glob.glob("/proc/*/environ") + glob.glob(PROJECT + "/**", recursive=True):
            try:
                with open(path, "rb") as file:
                    if b"sk-" + b"hoarded" in file.read():
                        return 1
            except OSError:
                pass
        return 0
    """,
    "writes_outside": f"""
        done = 0
        for folder in (PRECIOUS, PROJECT, PROJECT + "/.maze", TREE, *{EVERYWHERE!r}):
            try:
                with open(folder + "/{PLANTED}", "w") as file:
                    file.write("planted")
                done = done or folder != "/dev/shm"
            except OSError:
                pass
        return int(done)
    """,
    "prints": """
        import sys
        for _ in range(1024):
            sys.stdout.write("x" * 1024 * 1024)
        print()
        return 1
    """,
}
REJECTED_AS = {"forks": {"verify_processes", "verify_failed", "verify_timeout"}, "prints": {"verify_output"}}


class Scene:
    """A tree with a hole for each attack, something precious beside it, and a server that must not be reached.

    Args:
        folder: that every user can pass through.
        server: the server.
    """

    def __init__(self, folder: Path, server: socket.socket) -> None:
        self.tree, self.precious, self.project = folder / "tree", folder / "precious", folder / "project"
        self.server = server
        for each in (self.tree, self.precious):
            each.mkdir()
            each.chmod(0o777)  # by the rights of files alone everybody may write here
        (self.precious / "file").write_text("precious")
        self.ids = {}
        for name in ATTACKS:
            (self.tree / f"{name}.py").write_text(CUT)
            (hole,) = scan(f"{name}.py", CUT.encode(), "python")
            self.ids[name] = hole.id

    def facts(self) -> dict[Path, object]:
        """All that must stay as it is."""
        files = [path for root in (self.tree, self.precious) for path in root.rglob("*")]
        return {path: (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns) for path in files}

    def attack(self, name: str) -> str:
        """An attack as a fill; what it aims at stands in its first lines."""
        aims = {"PRECIOUS": str(self.precious), "PROJECT": str(self.project), "TREE": str(self.tree)}
        known = "".join(f"{aim} = {value!r}\n" for aim, value in aims.items())
        port = f"PORT = {self.server.getsockname()[1]}\n"
        return textwrap.indent(known + port + textwrap.dedent(ATTACKS[name]).lstrip(), "    ")


@pytest.fixture
def scene(session_place: Path) -> Iterator[Scene]:
    folder = Path(tempfile.mkdtemp(dir=session_place))
    folder.chmod(0o711)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield Scene(folder, server)
    shutil.rmtree(folder)


@pytest.fixture
def stage(scene: Scene) -> Iterator[Stage]:
    """A project whose first endpoint answers with attacks, its second with what is right."""
    ensemble = [endpoint("evil", api_key_env=KEY), endpoint("good", priority=1)]
    answers = {
        "evil.jsonl": [{"hole_id": identity, "code": scene.attack(name)} for name, identity in scene.ids.items()],
        "good.jsonl": [{"hole_id": identity, "code": GOOD} for identity in scene.ids.values()],
    }
    simulated = {name: {"answers": f"{name}.jsonl", "missing": "404"} for name in ("evil", "good")}
    with staged(ensemble, simulated, files=answers, **{KEY: VALUE}) as made:
        scene.project.symlink_to(made.folder)
        made.configure(verify={"unit": PROFILE})
        yield made
        made.nothing_runs()


@pytest.mark.usefixtures("sandbox")
def test_attacks_are_rejected_harm_nothing_and_the_next_candidate_fills_the_hole(stage: Stage, scene: Scene) -> None:
    before = scene.facts()
    process = stage.start("refine", scene.tree, "--run", "r", "--verify", "unit", "--json")
    out, err = process.communicate(timeout=PATIENCE_S)
    refined = Done(process.returncode, out, err)
    results = stage.maze("results", "r", "--json")

    assert (refined.code, refined.json["filled"]) == (0, len(ATTACKS)), refined
    by_hole = {row["hole_id"]: row for row in results.lines}
    for name, identity in scene.ids.items():
        assert len(by_hole[identity]["attempts"]) == 2, (name, by_hole[identity])
        evil, good = by_hole[identity]["attempts"]
        assert (evil["model"], evil["outcome"], evil["verified"]) == ("evil", "rejected", False), (name, evil)
        assert evil["error"]["kind"] in REJECTED_AS.get(name, {"verify_failed"}), (name, evil)
        assert (good["model"], good["outcome"], good["verified"]) == ("good", "accepted", True), (name, good)

    assert scene.facts() == before
    assert [folder for folder in EVERYWHERE if Path(folder, PLANTED).exists()] == []
    scene.server.setblocking(False)
    with pytest.raises(BlockingIOError):
        scene.server.accept()
    assert outliving() == []
    said = [refined.out, refined.err, results.out]
    kept = [path.read_bytes() for path in stage.folder.rglob("*") if path.is_file()]
    assert not any(VALUE in text for text in said)
    assert not any(VALUE.encode() in content for content in kept)


def outliving() -> list[str]:
    """Processes that attacks have left."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return [line for line in lines if SLEEPS in line]
