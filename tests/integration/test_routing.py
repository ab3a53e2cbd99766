"""Each kind of hole goes to the model that is there for it, from the command line."""

from __future__ import annotations

from typing import Any

from tests.integration.batches import DEFAULT, FAST, GRAMMAR, MANY, QUALITY, SECURE
from tests.integration.stage import Stage

ROUTED = ("general", "quick", "strict", "fine", "secure")
HOLES: list[dict[str, Any]] = [
    {"hole_id": "secure", **SECURE},
    {"hole_id": "grammar", **GRAMMAR},
    {"hole_id": "fifteen", **MANY},
    {"hole_id": "nine", **QUALITY},
    {"hole_id": "five", **DEFAULT},
    {"hole_id": "trivial", **FAST},
]
AT_ITS_MODEL = {
    "secure": ("secure", "security constraints require security-aware model"),
    "grammar": ("strict", "complex constraints require constrained generation"),
    "fifteen": ("strict", "complex constraints require constrained generation"),
    "nine": ("fine", "complex hole, using high quality model"),
    "five": ("general", "default selection for medium complexity"),
    "trivial": ("quick", "simple hole, using fast inference"),
}


def test_route_says_where_each_hole_goes_and_refine_takes_it_there(cluster: Stage) -> None:
    config = cluster.configure("routing.toml", only=ROUTED)
    path = cluster.write("routing.jsonl", HOLES)
    before = cluster.stats()
    routed = cluster.maze("route", path, "--json", config=config).lines
    assert {row["hole_id"]: (row["primary_model"], row["reason"]) for row in routed} == AT_ITS_MODEL
    for row in routed:
        assert set(row["fallback_models"]) == set(ROUTED) - {row["primary_model"]}
    assert cluster.stats() == before, "maze route has asked somebody"

    assert cluster.maze("refine", path, "--run", "routing", "--json", config=config).code == 0
    results = cluster.maze("results", "routing", "--json", config=config).lines
    assert {row["hole_id"]: row["model"] for row in results} == {
        hole: model for hole, (model, _) in AT_ITS_MODEL.items()
    }
    for row in results:
        (attempt,) = row["attempts"]
        assert (attempt["candidate"], attempt["model"]) == (0, row["model"])
        assert row["code"] == f"pass  # {row['hole_id']} 0 0 {row['model']}-model"


def test_a_hole_whose_model_is_not_there_goes_to_the_default_and_the_reason_says_so(cluster: Stage) -> None:
    config = cluster.configure("fewer.toml", only=("general", "quick"))
    path = cluster.write("fewer.jsonl", HOLES[:2])
    routed = cluster.maze("route", path, "--json", config=config).lines
    assert [(row["primary_model"], row["reason"]) for row in routed] == [
        ("general", "no security-aware model, using default"),
        ("general", "no constrained generation model, using default"),
    ]
    assert cluster.maze("refine", path, "--run", "fewer", "--json", config=config).code == 0
    results = cluster.maze("results", "fewer", "--json", config=config).lines
    assert [row["model"] for row in results] == ["general", "general"]
