"""A run that is submitted, filled and followed to its end while faults are played."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import redis

from benchmarks.faults import schedule
from benchmarks.faults.scene import RUN, TIGHT, Scene
from benchmarks.faults.schedule import Planned
from benchmarks.faults.setting import Setting
from benchmarks.faults.striking import Striker
from benchmarks.faults.watching import Fault, progress
from maze_tasks.models.runs import TERMINAL_STATES

TICK_S = 0.1
RESTART_S = 1.0  # after which whoever looks after services starts one again
STUCK_S = 150.0  # a run in which no hole ends for so long has lost something
FOLLOWED_S = 30.0  # in which a client sees that the run has ended
SUBMISSIONS = 20  # that may fail because a server is away
UNREACHABLE = 3  # exit code
DONE = (0, 1)  # exit codes of a client that has followed a run to its end


@dataclass
class Play:
    """The playing of one schedule.

    Args:
        scene: what is running.
        striker: carries faults out.
        setting: what the run is made with; its holes are in ``holes.jsonl``.
        events: the faults besides the kills.
    """

    scene: Scene
    striker: Striker
    setting: Setting
    events: Sequence[Planned]
    faults: list[Fault] = field(default_factory=list)
    seen: tuple[int, int, str] = (0, 0, "")  # holes stored, holes that ended, state of the run
    tight: tuple[int, int, str] = (0, 0, "")  # the same of the run with a budget
    _threads: list[threading.Thread] = field(default_factory=list)
    _errors: list[BaseException] = field(default_factory=list)
    _restart_at: dict[str, float] = field(default_factory=dict)

    def run(self) -> bool:
        """Submit both runs and follow them; whether they and the client came to their ends by themselves."""
        kills, kill_at = schedule.victims(self.setting.seed), time.monotonic() + self.setting.kill_every_s
        left, moved = list(self.events), time.monotonic()
        submission = self._in_thread(self._submit)
        while not self.ended or submission.is_alive():
            time.sleep(TICK_S)
            if self._errors:
                raise self._errors[0]
            if self._look():
                moved = time.monotonic()
            elif time.monotonic() - moved > STUCK_S:
                break
            self._see_to_processes()
            if left and self.seen[1] >= left[0].at * self.setting.holes:
                self._in_thread(self._event, left.pop(0))
            if time.monotonic() >= kill_at and self.seen[1]:
                kill_at = time.monotonic() + self.setting.kill_every_s
                self._note(self.striker.kill(*next(kills)))
        for thread in self._threads:
            thread.join(timeout=STUCK_S)
        return self.ended and self._followed()

    @property
    def ended(self) -> bool:
        """Whether both runs have come to an end."""
        return self.seen[2] in TERMINAL_STATES and self.tight[2] in TERMINAL_STATES

    def _look(self) -> bool:
        """Whether a run has moved since the last look."""
        before, client = (self.seen, self.tight), self.scene.store.client
        with suppress(redis.RedisError):
            self.seen, self.tight = progress(client, RUN), progress(client, TIGHT)
        return before != (self.seen, self.tight)

    def _event(self, planned: Planned) -> None:
        self._note(self.striker.play(planned))

    def _note(self, fault: Fault | None) -> None:
        if fault is not None:
            self.faults.append(fault)

    def _see_to_processes(self) -> None:
        """Start again what was killed, and the client that follows."""
        now = time.monotonic()
        for crew in self.scene.crews:
            if crew.alive:
                continue
            if now >= self._restart_at.setdefault(crew.name, now + RESTART_S):
                del self._restart_at[crew.name]
                self.scene.start(crew)
        client = self.striker.client
        if self.seen[2] and (client is None or client.poll() not in (None, *DONE)):
            self.striker.client = self.scene.maze("watch", RUN, "--json", "-q", name="client")

    def _followed(self) -> bool:
        client = self.striker.client
        assert client is not None
        with suppress(subprocess.TimeoutExpired):
            return client.wait(timeout=FOLLOWED_S) in DONE
        return False

    def _submit(self) -> None:
        """The producer, killed and called again with the same command; then the run with a budget."""
        budget = ("--budget", f"{self.setting.budget_usd:.9f}")
        for share in schedule.submission_kills(self.setting.seed, self.setting.submission_kills):
            producer = self._producer(RUN)
            while producer.poll() is None and self.seen[0] < share * self.setting.holes:
                time.sleep(TICK_S / 10)
            if producer.poll() is None:
                self._note(Fault("kill producer", in_flight=0))
                producer.kill()
                producer.wait()
        self._see_submitted(RUN)
        self._see_submitted(TIGHT, *budget)

    def _see_submitted(self, run: str, *options: str) -> None:
        """Call the producer until it has come to its end."""
        code = UNREACHABLE
        for _ in range(SUBMISSIONS):
            code = self._producer(run, *options).wait()
            if code != UNREACHABLE:
                break
            time.sleep(RESTART_S)
        if code == 0:
            return
        said = (self.scene.folder / "producer.log").read_text()
        raise SystemExit(f"maze refine: exit code {code}\n{said[-2000:]}")

    def _producer(self, run: str, *options: str) -> subprocess.Popen[bytes]:
        arguments = ("refine", f"{run}.jsonl", "--run", run, "--detach", "--json", "--quiet", *options)
        return self.scene.maze(*arguments, name="producer")

    def _in_thread(self, work: Callable[..., None], *arguments: object) -> threading.Thread:
        def guarded() -> None:
            try:
                work(*arguments)
            except BaseException as error:  # noqa: BLE001 - raised where the run is looked after
                self._errors.append(error)

        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread
