"""The benchmark of real holes on a package made up for it: cut in waves, filled, put back, tested."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

import pytest

from benchmarks import real_holes
from benchmarks.humaneval import models
from benchmarks.packages import Hole, Suite, cut, run_suite, waves
from benchmarks.project import PASSABLE, workplace
from benchmarks.pythons import Python, chosen_python
from benchmarks.real_holes import Bench, Came, compared
from benchmarks.rows import Unusable, rows

MODULE = dedent('''
    def twice(a):
        """Two times a."""
        return a * 2


    class Sum:
        @property
        def total(self):
            found = 0
            for one in self.items:
                found += twice(one)

            return found

        def __init__(self, items):
            self.items = items


    def unlike(a, b):
        return a != b
''').lstrip()
TESTS = dedent("""
    import made_up

    def test_twice():
        assert made_up.twice(4) == 8

    def test_total():
        assert made_up.Sum([1, 2]).total == 6

    def test_unlike():
        assert made_up.unlike(1, 2) and not made_up.unlike(1, 1)
""").lstrip()


def hole(name: str, defined: int, first: int, last: int, indent: str = "    ") -> Hole:
    body = "".join(MODULE.splitlines(keepends=True)[first - 1 : last])
    return Hole("made_up", "1", "0", "src", "src/made_up.py", name, (defined, first, last), indent, body)


TWICE, TOTAL = hole("twice", 1, 3, 3), hole("Sum.total", 8, 9, 13, " " * 8)
UNLIKE = hole("unlike", 19, 20, 20)
HOLES = [TWICE, TOTAL, UNLIKE]


def make(tree: Path) -> Path:
    package = tree / "made_up"
    (package / "src").mkdir(parents=True)
    (package / "src" / "made_up.py").write_text(MODULE)
    (package / "test_made_up.py").write_text(TESTS)
    return package


@pytest.fixture
def python() -> Python:
    found = chosen_python(None)
    if found.missing(["pytest"]):
        pytest.skip(f"{found.program}, which programs may run, has no pytest")
    return found


@pytest.mark.timeout(400)  # it starts a dozen processes, and some machines are busy
@pytest.mark.integration
@pytest.mark.usefixtures("sandbox")
def test_what_was_cut_is_filled_and_every_test_ends_as_before(python: Python) -> None:
    with workplace() as folder:
        make(folder / "tree")
        came = Bench(folder, HOLES, models([1.0, 0.0]), [1.0, 0.0], python, 0).run()
        assert (folder / "tree/made_up/src/made_up.py").read_text() == MODULE
    assert came.holds
    assert came.waves == [2, 1]
    assert (came.original, came.changed, came.not_filled) == (3, [], [])
    assert came.packages == [
        {
            "package": "made_up",
            "before": {"passed": 3, "failed": 0, "skipped": 0},
            "after": {"passed": 3, "failed": 0, "skipped": 0},
            "otherwise": [],
        }
    ]
    assert came.verdicts == {"verify_failed": 3, "accepted": 3}


@pytest.mark.integration
def test_the_suite_tells_which_holes_each_test_comes_to(tmp_path: Path, python: Python) -> None:
    package = make(tmp_path / "tree")
    place = tmp_path / "place"
    place.mkdir()
    suite = run_suite(package, HOLES, python.program, place)
    test = "test_made_up.py::test_"
    assert suite.seen == {f"{test}twice": {0}, f"{test}total": {0, 1}, f"{test}unlike": {2}}
    assert suite.deciding(0) == (f"{test}twice", f"{test}total")


@pytest.mark.integration
def test_with_a_hole_cut_its_tests_fail_and_no_others(tmp_path: Path, python: Python) -> None:
    package = make(tmp_path / "tree")
    cut(tmp_path / "tree", [UNLIKE])
    place = tmp_path / "place"
    place.mkdir()
    outcomes = run_suite(package, HOLES, python.program, place).outcomes
    assert {test.rpartition("_")[2]: outcome for test, outcome in outcomes.items()} == {
        "twice": "passed",
        "total": "passed",
        "unlike": "failed",
    }


def test_bodies_are_cut_at_their_lines(tmp_path: Path) -> None:
    package = make(tmp_path)
    cut(tmp_path, HOLES)
    text = (package / "src/made_up.py").read_text()
    assert text.count("raise NotImplementedError\n") == 3
    assert '        """Two times a."""\n' in text.replace('    """', '        """')
    assert "        def total(self):\n" in text.replace("    def total", "        def total")
    assert "found" not in text
    assert TOTAL.split(MODULE)[1].startswith("        found = 0\n")


def test_a_body_that_is_elsewhere_is_told(tmp_path: Path) -> None:
    package = make(tmp_path)
    TWICE.require(tmp_path)
    (package / "src/made_up.py").write_text("\n" + MODULE)
    with pytest.raises(Unusable, match="lines 3 to 3 are not the body of twice"):
        TWICE.require(tmp_path)


def test_holes_of_one_test_are_in_different_waves() -> None:
    sets = [frozenset(one) for one in ({0, 1}, {1, 2}, {3}, set())]
    planned = waves(sets, 5)
    assert sorted(number for wave in planned for number in wave) == [0, 1, 2, 3, 4]
    assert all(len(together.intersection(wave)) <= 1 for together in sets for wave in planned)
    assert len(planned) == 2


def test_a_test_that_ends_otherwise_breaks_the_claim() -> None:
    before = Suite({"a": "passed", "b": "failed"}, {})
    row = compared("made_up", before, Suite({"a": "failed", "b": "failed", "c": "passed"}, {}))
    assert row["otherwise"] == ["a", "c"]
    assert not Came(1, packages=[row]).holds
    assert not Came(1, not_filled=["one"]).holds
    assert Came(1, packages=[compared("made_up", before, before)]).holds


def test_the_recorded_holes_are_115_of_five_packages() -> None:
    holes = [Hole.of(row) for row in rows("real_holes")]
    assert len(set(holes)) == 115
    assert len({(one.package, one.version, one.sha256) for one in holes}) == 5


def test_a_package_that_is_none_of_them_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert real_holes.main(["--package", "nothing"]) == 2
    assert "--package" in capsys.readouterr().err


def test_the_workplace_can_be_passed_by_others() -> None:
    with workplace() as folder:
        assert folder.stat().st_mode & 0o777 == PASSABLE
        assert os.listdir(folder) == []  # noqa: PTH208
    assert not folder.exists()
