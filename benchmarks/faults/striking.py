"""Each fault as it is carried out."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

import psutil

from benchmarks.faults.proxy import Cut, Proxy
from benchmarks.faults.scene import Crew, Scene, Server, signalled
from benchmarks.faults.schedule import Event, Planned, Victim
from benchmarks.faults.watching import Fault, Watch

SETTLE_S = 0.05  # what a frozen process had sent has arrived after that
T = TypeVar("T")

DOWN_S = (1.0, 2.0)  # a killed server stays away for that, and up to so much longer
LONGER_THAN_A_LEASE, SHORTER = 1.5, 0.5  # in leases


class Striker:
    """Strikes what a schedule names.

    Args:
        scene: what is running.
        watch: notes what was held.
        lease_s: of the run.
    """

    def __init__(self, scene: Scene, watch: Watch, lease_s: float) -> None:
        self._scene, self._watch, self._lease_s = scene, watch, lease_s
        self._stopped: set[int] = set()  # process ids that are stopped at this moment: nobody else strikes them
        self.client: subprocess.Popen[bytes] | None = None

    def kill(self, victim: Victim, draw: float) -> Fault | None:
        """SIGKILL to one process of a kind; None where there is none at this moment."""
        match victim:
            case "worker":
                return self._kill_one(victim, self._workers(self._supervised()), draw)
            case "child":
                return self._kill_one(victim, self._workers([self._scene.crews[-1]]), draw)
            case "supervisor":
                return self._kill_supervisor(draw)
            case "client":
                return self._kill_client()

    def play(self, planned: Planned) -> Fault:
        """A fault that lasts, to its end."""
        plays: dict[Event, Callable[[], Fault]] = {
            "stop": lambda: self._stop(planned.draw),
            "redis": lambda: self._restart("redis", self._scene.store, planned.draw),
            "broker": lambda: self._restart("broker", self._scene.broker, planned.draw),
            "flush": self._flush,
            "cut worker": lambda: self._cut_worker(planned.draw),
            "cut all": lambda: self._cut("cut all", self._scene.proxies, "drop", SHORTER),
            "reset all": lambda: self._cut("reset all", self._scene.proxies, "reset", LONGER_THAN_A_LEASE),
        }
        return plays[planned.what]()

    def _supervised(self) -> list[Crew]:
        return self._scene.crews[:-1]

    def _workers(self, crews: Sequence[Crew]) -> list[psutil.Process]:
        found = [one for crew in crews for one in crew.workers()]
        return [one for one in found if one.pid not in self._stopped]

    def _kill_one(self, what: str, candidates: Sequence[psutil.Process], draw: float) -> Fault | None:
        chosen = _chosen(candidates, draw)
        return None if chosen is None else self._struck(f"kill {what}", [chosen], [chosen])

    def _kill_supervisor(self, draw: float) -> Fault | None:
        crew = _chosen([crew for crew in self._supervised() if crew.alive], draw)
        if crew is None or crew.process is None:
            return None
        workers = [one for one in crew.workers() if one.pid not in self._stopped]
        with suppress(psutil.Error):
            fault = self._struck("kill supervisor", workers, [psutil.Process(crew.process.pid)])
            crew.process.wait()
            # They are tied to their supervisor, and the kernel kills them with it.
            _, left = psutil.wait_procs(workers, timeout=10)
            # One that was frozen before it had tied itself finds, once it goes on, that its supervisor is gone.
            signalled(left, signal.SIGCONT)
            return fault
        return None

    def _kill_client(self) -> Fault | None:
        if self.client is None or self.client.poll() is not None:
            return None
        fault = Fault("kill client", in_flight=0)
        self.client.kill()
        return fault

    def _struck(self, what: str, holders: Sequence[psutil.Process], victims: Sequence[psutil.Process]) -> Fault:
        """SIGKILL, with a note of what was held: frozen first, so that what is noted stays so."""
        signalled(holders, signal.SIGSTOP)
        time.sleep(SETTLE_S)
        fault = Fault(what, victims=_names(holders))
        self._watch.struck(fault)
        signalled(victims, signal.SIGKILL)
        return fault

    def _stop(self, draw: float) -> Fault:
        """SIGSTOP for longer than a lease: whoever wakes up finds that others have gone on."""
        chosen = _chosen(self._workers(self._supervised()), draw)
        fault = Fault("stop worker")
        if chosen is None:
            return fault
        self._stopped.add(chosen.pid)
        signalled([chosen], signal.SIGSTOP)
        time.sleep(SETTLE_S)
        fault.victims = _names([chosen])
        self._watch.struck(fault)
        time.sleep(self._lease_s * LONGER_THAN_A_LEASE)
        signalled([chosen], signal.SIGCONT)
        self._stopped.discard(chosen.pid)
        fault.lasted_s = time.time() - fault.at
        return fault

    def _restart(self, what: str, server: Server, draw: float) -> Fault:
        fault = Fault(f"kill {what}", in_flight=0, away=server is self._scene.store)
        server.kill()
        time.sleep(DOWN_S[0] + DOWN_S[1] * draw)
        server.start()
        fault.lasted_s = time.time() - fault.at
        return fault

    def _flush(self) -> Fault:
        self._scene.broker.client.flushall()
        return Fault("flush broker", in_flight=0)

    def _cut_worker(self, draw: float) -> Fault:
        """One supervisor's workers reach nobody for longer than a lease; the others do."""
        crew = _chosen(self._supervised(), draw)
        assert crew is not None
        return self._cut("cut worker", crew.links, "drop", LONGER_THAN_A_LEASE, crew.workers())

    def _cut(
        self,
        what: str,
        proxies: Sequence[Proxy],
        how: Cut,
        leases: float,
        workers: Sequence[psutil.Process] = (),
    ) -> Fault:
        # Where everybody is cut off nobody may take anything over, so that nothing counts as in flight.
        fault = Fault(what, victims=_names(workers), in_flight=None if workers else 0, away=not workers)
        for proxy in proxies:
            proxy.cut(how)
        if workers:
            time.sleep(SETTLE_S)
            self._watch.struck(fault)
        time.sleep(self._lease_s * leases)
        for proxy in proxies:
            proxy.restore()
        fault.lasted_s = time.time() - fault.at
        return fault


def _names(processes: Sequence[psutil.Process]) -> tuple[str, ...]:
    """As the leases of these processes name them."""
    return tuple(f"{socket.gethostname()}:{one.pid}" for one in processes)


def _chosen(candidates: Sequence[T], draw: float) -> T | None:
    return candidates[int(draw * len(candidates))] if candidates else None
