"""Exit codes of `maze refine`: 0 done, 1 not all filled, 2 wrong input, 3 out of reach (130: see test_control)."""

from __future__ import annotations

import json
import socket

import pytest

from tests.integration.stage import Stage


def test_filled_is_0_and_the_same_batch_is_another_run(cluster: Stage) -> None:
    config = cluster.configure("done.toml", only=["quick"])
    path = cluster.write("done.jsonl", [{"hole_id": number} for number in range(3)])
    first = cluster.maze("refine", path, "--json", config=config)
    second = cluster.maze("refine", path, "--json", config=config)
    assert (first.code, second.code) == (0, 0)
    assert (first.json["filled"], second.json["filled"]) == (3, 3)
    assert first.json["run"] != second.json["run"]
    # By its name it is the same run, which has ended: nobody is asked again.
    again = cluster.maze("refine", path, "--run", first.json["run"], "--json", config=config)
    assert again.code == 0
    assert len(cluster.log.entries(first.json["run"])) == 3


def test_a_hole_that_nobody_fills_is_1(cluster: Stage) -> None:
    config = cluster.configure("bad.toml", only=["bad"])
    path = cluster.write("bad.jsonl", [{"hole_id": "a"}, {"hole_id": "b"}])
    refined = cluster.maze("refine", path, "--run", "bad", "--json", config=config)
    assert refined.code == 1
    assert (refined.json["filled"], refined.json["failed"], refined.json["attempts"]) == (0, 2, 2)
    for row in cluster.maze("results", "bad", "--json", config=config).lines:
        assert (row["status"], row["code"], row["model"]) == ("failed", None, None)
        assert row["error"]["kind"] == "bad_request"
    assert cluster.maze("watch", "bad", "--json", config=config).code == 1


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('{"hole_id": -1}', "wrong.jsonl:2: hole_id: "),
        ('{"hole_id": "a", "fill_constraints": [{"value": "x"}]}', "wrong.jsonl:2: fill_constraints[0].kind: "),
        ('{"hole_id": "first"}', "wrong.jsonl:2: hole_id: "),
        ('{"hole_id": ', "wrong.jsonl:2: "),
    ],
)
def test_a_wrong_line_is_2_with_its_place_and_nothing_is_asked(cluster: Stage, line: str, place: str) -> None:
    path = cluster.folder / "wrong.jsonl"
    path.write_text(f'{{"hole_id": "first"}}\n{line}\n')
    refused = cluster.maze("refine", path, "--run", "wrong", "--json")
    assert (refused.code, refused.out) == (2, "")
    assert place in refused.err
    assert "Traceback" not in refused.err
    assert cluster.maze("status", "wrong").code == 2, "a run was made"


def test_other_holes_under_the_name_of_a_run_are_2(cluster: Stage) -> None:
    config = cluster.configure("named.toml", only=["quick"])
    path = cluster.write("named.jsonl", [{"hole_id": 1}])
    assert cluster.maze("refine", path, "--run", "named", config=config).code == 0
    cluster.write("named.jsonl", [{"hole_id": 2}])
    refused = cluster.maze("refine", path, "--run", "named", config=config)
    assert refused.code == 2
    assert "'named'" in refused.err


@pytest.mark.parametrize("command", [("refine", "holes.jsonl"), ("status",), ("metrics", "--json"), ("cancel", "r")])
def test_a_server_out_of_reach_is_3_and_its_password_stays_unsaid(cluster: Stage, command: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    cluster.write("holes.jsonl", [{"hole_id": 1}])
    config = cluster.configure("away.toml", redis_url=f"redis://:hunter2@127.0.0.1:{port}/0")
    away = cluster.maze(*command, config=config)
    assert (away.code, away.out) == (3, "")
    assert "cannot reach Redis" in away.err
    assert "hunter2" not in away.err
    assert "Traceback" not in away.err


def test_a_broker_out_of_reach_is_3_and_the_run_goes_on_when_it_is_back(cluster: Stage) -> None:
    path = cluster.write("broker.jsonl", [{"hole_id": number} for number in range(5)])
    config = cluster.configure("broker.toml", only=["quick"], broker_url="redis://127.0.0.1:1/0")
    away = cluster.maze("refine", path, "--run", "broker", "--json", config=config)
    assert (away.code, away.out) == (3, "")
    assert "cannot reach the broker" in away.err
    config = cluster.configure("broker.toml", only=["quick"])
    back = cluster.maze("refine", path, "--run", "broker", "--json", config=config)
    assert (back.code, json.loads(back.out)["filled"]) == (0, 5)
    assert len(cluster.log.entries("broker")) == 5
