"""Refinements whose process is killed, paused ones, and what another process left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from maze_tasks import EnsembleClient, EnsembleConfig, RefinementConfig, control
from maze_tasks.local_run import LocalRun
from maze_tasks.messages import Message
from tests.answering import Answering, Asked

from .conftest import MakeRefiner

CODE = "\n\n".join(f"def f{number}(x):\n    raise NotImplementedError\n" for number in range(6))
PATIENCE_S = 60.0

SCRIPT = """
import sys
from maze_tasks import EnsembleClient, ModelEndpoint, ProgressiveRefiner, Settings

endpoint = ModelEndpoint(name="one", endpoint_url=sys.argv[1], model="one", max_concurrency=2, timeout_secs=20)
settings = Settings(endpoints=(endpoint,), lease_s=2.0)
with EnsembleClient.from_config(settings, state_dir=sys.argv[2]) as client:
    refiner = ProgressiveRefiner.with_ensemble(client)
    result = refiner.refine(open(sys.argv[3]).read(), language="python", run="mine")
sys.stdout.write(result.code)
sys.exit(not result.complete)
"""


def test_a_killed_refinement_goes_on_in_another_process_and_pays_only_for_calls_in_flight(tmp_path: Path) -> None:
    hold = threading.Event()

    def answer(asked: Asked) -> str:
        if len(server.asked) > 3:
            hold.wait(PATIENCE_S)
        return "return x"

    (tmp_path / "code.py").write_text(CODE)
    with Answering(answer) as server:
        url = server.endpoint().endpoint_url
        command = [sys.executable, "-c", SCRIPT, url, str(tmp_path / "state"), str(tmp_path / "code.py")]
        killed = subprocess.Popen(command, stdout=subprocess.PIPE)
        end = time.monotonic() + PATIENCE_S
        while len(server.asked) < 5:
            assert time.monotonic() < end
            assert killed.poll() is None
            time.sleep(0.01)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        hold.set()
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=PATIENCE_S, check=True)
        assert done.stdout.decode() == CODE.replace("raise NotImplementedError", "return x")
        keys = [asked.key for asked in server.asked]
    assert len(set(keys)) == 6
    assert len(keys) <= 6 + 2, "what was in flight"


def test_a_paused_refinement_gives_what_there_is_and_goes_on_when_asked_again(
    refiner_of: MakeRefiner, redis_url: str
) -> None:
    paused: list[str] = []

    def answer(asked: Asked) -> str:
        if not paused:
            paused.append(control.pause(store, "mine").state)
        return "return x"

    refiner, server = refiner_of(answer, config=RefinementConfig(max_iterations=1, parallel_fill=False))
    config = EnsembleConfig(endpoints=(server.endpoint("one"),))
    with EnsembleClient.from_config(config, redis_url=redis_url) as client:
        store = client.project().store
        first = refiner.refine(CODE, language="python", run="mine")
        assert [hole.status for hole in first.holes] == ["Filled"] + ["Pending"] * 5
        assert not first.complete
        again = refiner.refine(CODE, language="python", run="mine")
    assert again.complete
    assert len(server.asked) == 6


def test_messages_that_were_lost_are_sent_again(refiner_of: MakeRefiner, monkeypatch: pytest.MonkeyPatch) -> None:
    refiner, server = refiner_of(lambda _: "return x")
    take, lost = LocalRun.send, list[Message]()

    def forget_the_first(self: LocalRun, messages: Iterable[Message]) -> None:
        for message in messages:
            if len(lost) < 6:
                lost.append(message)
            else:
                take(self, [message])

    monkeypatch.setattr(LocalRun, "send", forget_the_first)
    assert refiner.refine(CODE, language="python").complete
    assert len(lost) == len(server.asked) == 6
