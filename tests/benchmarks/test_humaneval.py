"""The benchmark of HumanEval with a few holes, and the mutants that its endpoints answer with."""

from __future__ import annotations

import json

import pytest

from benchmarks import humaneval
from benchmarks.mutants import answers, drawn, mutants
from benchmarks.rows import rows


@pytest.mark.timeout(400)  # it starts a dozen processes, and some machines are busy
@pytest.mark.integration
@pytest.mark.usefixtures("sandbox")
def test_endpoints_that_are_wrong_at_their_rates_fill_what_they_can(capsys: pytest.CaptureFixture[str]) -> None:
    code = humaneval.main(["--limit", "4", "--rates", "1,0.5,0", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert code == 0
    assert report["holds"] is True
    assert report["holes"] == report["fillable"] == report["filled"] == 4
    assert report["verdicts"]["verify_failed"] > 0


@pytest.mark.parametrize("rates", ["", "0.5,x", "1.5"])
def test_rates_that_are_none_are_refused(rates: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert humaneval.main(["--rates", rates]) == 2
    assert "--rates" in capsys.readouterr().err


def test_every_mutant_differs_in_one_line_and_parses() -> None:
    for row in rows("humaneval")[::9]:
        found = mutants(row["prefix"], row["body"], row["suffix"])
        assert len(found) == len(set(found)) > 0
        for one in found:
            compile(row["prefix"] + one + row["suffix"], "mutant", "exec")
            lines = zip(one.splitlines(), row["body"].splitlines(), strict=True)
            assert sum(changed != line for changed, line in lines) == 1


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("    return a <= b\n", {"    return a < b\n", "    return None\n"}),
        ("    return a is not b\n", {"    return a is b\n", "    return None\n"}),
        ("    x = a  and  b\n", {"    x = a  or  b\n"}),
        ("    x = not a\n", {"    x = a\n"}),
        ("    x = (a) - (b)\n", set()),  # what stands between the operands is not the operator alone
        ("    x = 'ä' + a\n", {"    x = 'ä' - a\n"}),
        ("    x = 0\n", {"    x = 1\n", "    x = 2\n"}),
        ("    x = True\n", {"    x = False\n"}),
        ("    pass\n", set()),
    ],
)
def test_mutants_change_one_thing(body: str, wrong: set[str]) -> None:
    assert set(mutants("def f(a, b):\n", body, "\nz = 1 + 2\n")) == wrong


def test_draws_are_the_same_for_the_same_seed_and_name() -> None:
    said = [answers("right", ["wrong"], 0.5, drawn(seed, "model", "hole"), 50) for seed in (1, 1, 2)]
    assert said[0] == said[1] != said[2]
    assert answers("right", ["wrong"], 0.0, drawn(1), 9) == ["right"] * 9
    assert answers("right", [], 1.0, drawn(1), 2) == ["right"] * 2
