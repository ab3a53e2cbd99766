"""The comparison runs, counts what it says it counts, and tells of a contender that fails."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.compare.__main__ import again, paged
from benchmarks.compare.contenders import CELERY_REQUESTS, CONTENDERS, OURS, Contender
from benchmarks.compare.job import FILL, Job
from benchmarks.compare.rounds import lines
from benchmarks.compare.scene import Ground, Sample, measure, prepared
from benchmarks.compare.summary import columns, ratios, spread

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
MEASURED = sorted((ROOT / "benchmarks" / "data" / "compare").glob("*.json"))


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with prepared(sys.executable) as found:
        yield found


JOB = Job(count=12, warm=4, endpoint="", processes=1, slots=4)


def test_ours_fills_every_hole_with_one_request_each(ground: Ground) -> None:
    sample = measure(ground, OURS, replace(JOB, latency_ms=1))
    assert (sample.count, sample.said["filled"], sample.said["attempts"]) == (12, 12, 12)
    assert sample.endpoint["requests"] == sample.endpoint["answered"] == 12
    assert sample.elapsed_s > 0
    assert {"producer", "workers", "redis", "endpoint"} == set(sample.cpu_us) == set(sample.peak_mib)
    assert all(value > 0 for value in sample.peak_mib.values())


def test_a_first_candidate_that_fails_costs_celery_two_requests(ground: Ground) -> None:
    sample = measure(ground, CELERY_REQUESTS, replace(JOB, fails_with=422))
    assert sample.endpoint["requests"] == 24


@pytest.mark.parametrize("contender", CONTENDERS[3:], ids=lambda one: one.name)
def test_a_rival_that_is_installed_makes_its_calls(ground: Ground, contender: Contender) -> None:
    if find_spec(contender.needs) is None:
        pytest.skip("it is in the extra `rivals`")
    assert measure(ground, contender, JOB).endpoint["requests"] == 12


def test_a_contender_that_fails_is_not_a_fast_one(ground: Ground) -> None:
    broken = replace(OURS, workers=None, driver=("benchmarks.compare.drivers.missing",))
    with pytest.raises(SystemExit, match="has ended"):
        measure(ground, broken, JOB)


def asked(url: str) -> tuple[int, str]:
    request = urllib.request.Request(f"{url}/chat/completions", data=b"{}")
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_process_that_logs_much_is_listened_to_while_another_works(ground: Ground) -> None:
    chatty = replace(OURS, workers=None, driver=("tests.benchmarks.chatty",))
    assert measure(ground, chatty, replace(JOB, processes=2)).said == {"filled": 2}


def test_the_endpoint_does_what_its_path_says(ground: Ground) -> None:
    ground.told("_reset")
    status, body = asked(f"{ground.url}/20/200/v1")
    assert (status, FILL in body) == (200, True)
    assert asked(f"{ground.url}/0/500/v1")[0] == 500
    counts = ground.told("_stats")
    assert (counts["requests"], counts["answered"], counts["peak"]) == (2, 2, 1)
    assert counts["busy_s"] >= 0.02


def sample(per_s: float) -> dict[str, object]:
    counts = {"requests": 100, "busy_s": 5.0}
    cpu_us = {"workers": 500.0, "endpoint": 70.0}
    return asdict(Sample("x", 100, 100 / per_s, cpu_us, {"workers": 9.0}, 0, 2, 0.25, counts, {}))


def test_a_table_has_medians_spreads_and_ratios_within_a_round() -> None:
    table = {"title": "T", "samples": {"ours": [sample(10), sample(40)], "theirs": [sample(20), sample(20)]}}
    title, head, ours, theirs = lines(table)
    assert title == "T; 2 rounds, other programs used 0.2 (0.2 to 0.2) cores, 100 holes"
    assert head.split()[0] == "holes/s"
    assert "25 (10 to 40)" in ours
    assert "1.25 (0.50 to 2.00)" in theirs
    assert " 500 " in theirs  # without the endpoint's
    # Requests a hole, slots that waited for the endpoint, cores that it all used, the endpoint's part too.
    assert theirs.split()[-3:] == ["1.00", "0.50", "0.0"]


def test_spreads_and_columns() -> None:
    assert spread([3, 1, 2]).shown(1) == "2.0 (1.0 to 3.0)"
    assert ratios([2, 4], [1, 1]).middle == 3
    assert columns([["a", "1"], ["bb", "100"]]) == ["a     1", "bb  100"]


def test_the_page_shows_what_was_measured() -> None:
    page = (ROOT / "docs" / "reference" / "speed.md").read_text()
    report = again(MEASURED)
    assert paged(page, report) == page
    assert all(f"<!-- compare: {letter} -->" in page for letter in report["measures"])
