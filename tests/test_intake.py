"""Hole lines: what is read, and how each mistake is told."""

from __future__ import annotations

import io
import json
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks import intake, spool
from maze_tasks.errors import InputError
from maze_tasks.intake import NumberedHole, read_holes, survey

IDS = st.integers(0, 2**64 - 1) | st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)


def write(folder: Path, *lines: str | bytes) -> Path:
    path = folder / "holes.jsonl"
    path.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines))
    return path


def hole(hole_id: object, **fields: object) -> str:
    return json.dumps({"hole_id": hole_id, **fields})


def ids(path: Path | str, **options: object) -> list[tuple[int, object]]:
    return [(found.line, found.hole.id) for found in read_holes(path, **options)]  # type: ignore[arg-type]


def refusal(path: Path | str) -> InputError:
    with pytest.raises(InputError) as caught:
        survey(path)
    with pytest.raises(InputError) as again:
        list(read_holes(path))
    assert str(again.value) == str(caught.value)
    return caught.value


class TestWhatIsRead:
    def test_holes_come_with_their_lines_blank_ones_counted(self, tmp_path: Path) -> None:
        path = write(tmp_path, hole(1), "", "  \t", hole("b"), "")
        assert ids(path) == [(1, 1), (4, "b")]
        assert survey(path).holes == 2

    def test_every_form_of_a_hole_line(self, tmp_path: Path) -> None:
        state = {"id": 2, "scale": "function", "origin": "a.rs:1:1", "status": "Pending"}
        full = {"hole": {"hole_id": 3}, "constraints": [{"name": "c"}], "prompt": "p", "suffix": "s"}
        path = write(tmp_path, hole(1, prefix="def f():\n"), json.dumps(state), json.dumps(full))
        holes = [found.hole for found in read_holes(path)]
        assert [found.id for found in holes] == [1, 2, 3]
        assert (holes[0].prefix, holes[2].prompt, holes[2].suffix) == ("def f():\n", "p", "s")

    def test_windows_line_endings_and_a_byte_order_mark_do_not_matter(self, tmp_path: Path) -> None:
        plain = survey(write(tmp_path, hole(1), hole(2)))
        assert survey(write(tmp_path, b"\xef\xbb\xbf" + hole(1).encode() + b"\r", hole(2) + "\r", "\r")) == plain

    def test_an_empty_file_holds_no_holes(self, tmp_path: Path) -> None:
        assert survey(write(tmp_path)).holes == 0

    @settings(deadline=None)
    @given(st.lists(IDS, unique_by=str, max_size=20))
    def test_ids_come_back_as_they_came(
        self, tmp_path_factory: pytest.TempPathFactory, given_ids: list[object]
    ) -> None:
        path = write(tmp_path_factory.mktemp("ids"), *(hole(given_id) for given_id in given_ids))
        found = [found_id for _, found_id in ids(path)]
        assert found == given_ids
        assert [type(found_id) for found_id in found] == [type(given_id) for given_id in given_ids]

    def test_no_more_than_the_limit_is_looked_at(self, tmp_path: Path) -> None:
        path = write(tmp_path, hole(1), hole(2), "broken")
        assert ids(path, limit=2) == [(1, 1), (2, 2)]
        assert survey(path, limit=1).holes == 1
        assert ids(path, limit=0) == []

    def test_a_digest_stands_for_the_holes_and_their_order(self, tmp_path: Path) -> None:
        digests = [
            survey(write(tmp_path, *lines)).digest
            for lines in ([hole(1), hole(2)], [hole(2), hole(1)], [hole(1)], [hole(1), hole(3)])
        ]
        assert len(set(digests)) == 4

    def test_holes_are_read_as_they_are_asked_for(self, tmp_path: Path) -> None:
        holes = read_holes(write(tmp_path, hole(1), "broken"))
        assert isinstance(next(holes), NumberedHole)
        with pytest.raises(InputError):
            next(holes)


BAD_LINES: list[tuple[str | bytes, str | None, str]] = [
    ('{"hole_id":', None, "ends too early"),
    ('{"hole_id" 2}', None, "column 12"),
    ("[1]", None, "not a list; write each element on a line of its own"),
    ('"x"', None, "not a string"),
    ("null", None, "not null"),
    ("{}", "hole_id", "is required"),
    (hole(1.0), "hole_id", "whole number"),
    (hole(True), "hole_id", "whole number"),
    (hole(-1), "hole_id", "0..18446744073709551615"),
    (hole(2**64), "hole_id", "0..18446744073709551615"),
    (hole(""), "hole_id", "1 to 200 characters"),
    (hole("x" * 201), "hole_id", "1 to 200 characters"),
    ('{"hole_id": 2, "hole_id": 3}', None, "twice"),
    ('{"hole_id": 2, "prompt": "\\udc00"}', "prompt", "surrogate"),
    ('{"hole_id": 2, "x": NaN}', None, "NaN"),
    ('{"hole_id": 2, "x": ' + "9" * 5000 + "}", None, "too many digits"),
    ('{"hole_id": 2, "x": ' + "[" * 50_000 + "]" * 50_000 + "}", None, "nested deeper"),
    (b'{"hole_id": 2, "prompt": "caf\xe9"}', None, "not UTF-8: byte 0xe9 at byte 30"),
    (b'{"hole_id": 2, "prompt": "\0"}', None, "NUL"),
    (hole(2).encode("utf-16"), None, "UTF-16"),
    (hole(2, fill_constraints=[{"kind": "style"}]), "fill_constraints[0].value", "is required"),
    (hole(2, prompt=3, max_tokens="x"), "prompt", "max_tokens: should be a valid integer"),
    ('{"hole": {"hole_id": "a", "fill_schema": 1}}', "hole.fill_schema", "should be an object"),
    ('{"hole_id": 2, "depends_on": [1.5]}', "depends_on[0]", "whole number"),
    (hole(7), "hole_id", "the id 7 stands on line 1 too"),
    (hole("7"), "hole_id", "the id '7' cannot be told from 7 on line 1"),
]


class TestMistakes:
    @pytest.mark.parametrize(("line", "field", "said"), BAD_LINES)
    def test_one_is_told_with_file_line_and_field(
        self, tmp_path: Path, line: str | bytes, field: str | None, said: str
    ) -> None:
        path = write(tmp_path, hole(7), "", line)
        error = refusal(path)
        assert (error.file, error.line, error.field) == (str(path), 3, field)
        assert said in error.reason

    def test_all_may_be_left_out_and_each_is_told(self, tmp_path: Path) -> None:
        path = write(tmp_path, hole(7), *(line for line, _, _ in BAD_LINES), hole("last"))
        skipped: list[InputError] = []
        found = survey(path, skip_invalid=True, on_skip=skipped.append)
        assert (found.holes, found.skipped) == (2, len(BAD_LINES))
        assert [error.line for error in skipped] == list(range(2, len(BAD_LINES) + 2))
        assert ids(path, skip_invalid=True) == [(1, 7), (len(BAD_LINES) + 2, "last")]

    def test_what_is_left_out_does_not_change_the_digest(self, tmp_path: Path) -> None:
        plain = survey(write(tmp_path, hole(1), hole(2))).digest
        assert survey(write(tmp_path, hole(1), "broken", hole(1), hole(2)), skip_invalid=True).digest == plain

    def test_a_number_after_the_text_that_looks_like_it(self, tmp_path: Path) -> None:
        assert "cannot be told from '5' on line 1" in refusal(write(tmp_path, hole("5"), hole(5))).reason

    def test_text_that_no_number_is_written_like_is_another_id(self, tmp_path: Path) -> None:
        others = ["05", "+5", " 5", "\u0665", "5.0", "00"]
        assert survey(write(tmp_path, hole(5), hole(0), *map(hole, others))).holes == 8

    def test_a_line_without_end_is_refused_and_what_follows_it_is_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(intake, "MAX_LINE_BYTES", 100)
        path = write(tmp_path, hole(1, prompt="x" * 500), hole(2, prompt="y" * 72), hole(3))
        assert refusal(path).line == 1
        assert len(path.read_bytes().splitlines()[1]) == 100
        assert ids(path, skip_invalid=True) == [(2, 2), (3, 3)]

    @settings(deadline=None)
    @given(st.lists(st.binary(max_size=30), max_size=5))
    def test_no_bytes_at_all_end_in_anything_but_a_refusal(
        self, tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
    ) -> None:
        path = write(tmp_path_factory.mktemp("any"), *lines, b"", hole("last").encode())
        found = survey(path, skip_invalid=True)
        assert found.holes == 1


class TestInputsThatCannotBeRead:
    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        assert "no such file" in refusal(tmp_path / "none.jsonl").reason

    def test_a_folder(self, tmp_path: Path) -> None:
        assert "is a folder" in refusal(tmp_path).reason

    def test_a_name_that_no_file_can_have(self) -> None:
        assert "cannot be read" in refusal("a\0b").reason

    def test_a_file_whose_disk_fails(self) -> None:
        assert "cannot be read" in refusal("/proc/self/mem").reason

    def test_standard_input_that_is_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(spool.sys, "stdin", None)
        assert "closed" in refusal("-").reason


class TestInputsThatCanBeReadOnceOnly:
    def test_standard_input_is_surveyed_and_then_read(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(spool.tempfile, "tempdir", str(tmp_path))
        stream = io.BytesIO(f"{hole(1)}\n{hole(2)}\n".encode())
        monkeypatch.setattr(spool.sys, "stdin", SimpleNamespace(buffer=stream))
        assert survey("-").holes == 2
        assert ids("-") == [(1, 1), (2, 2)]
        assert len(list(tmp_path.iterdir())) == 1
        monkeypatch.undo()
        del stream
        assert list(tmp_path.iterdir()) == []

    def test_a_mistake_in_it_is_told_under_its_own_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(spool.sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"broken")))
        assert str(refusal("-")).startswith("-:1: not JSON")

    def test_a_pipe_is_surveyed_and_then_read(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_text, args=(hole(1),))
        writer.start()
        try:
            assert survey(pipe).holes == 1
        finally:
            writer.join()
        assert ids(pipe) == [(1, 1)]


def test_what_depends_on_a_line_that_is_left_out_is_left_out_as_well(tmp_path: Path) -> None:
    lines = [hole(1), hole(2, depends_on=["bad"]), hole(3, depends_on=[1, 2]), hole(4, depends_on=[1])]
    path = write(
        tmp_path, *lines, '{"hole_id": "bad", "fill_schema": 1}', hole(5, depends_on=[6]), hole(6, depends_on=[5])
    )
    told: list[InputError] = []
    found = survey(path, skip_invalid=True, on_skip=told.append)
    assert (found.holes, found.wrong, found.skipped, found.ordered) == (2, 1, 5, True)
    assert [(error.line, error.field) for error in told[1:]] == [(line, "depends_on") for line in (2, 3, 6, 7)]
    assert "the hole 2 depends on 'bad', which is not among the holes taken" in told[1].reason
    assert "the hole 3 depends on 2, which is left out as well" in told[2].reason
    assert ids(path, skip_invalid=True, surveyed=found) == [(1, 1), (4, 4)]
    assert found.digest == survey(write(tmp_path, hole(1), hole(4, depends_on=[1]))).digest


def test_what_depends_on_a_hole_beyond_the_limit_is_left_out_only_where_that_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, hole(1), hole(2, depends_on=[3]), hole(3))
    with pytest.raises(InputError, match="not among the holes taken"):
        survey(path, limit=2)
    found = survey(path, limit=2, skip_invalid=True)
    assert (found.holes, found.ordered) == (1, False)
    assert ids(path, limit=2, skip_invalid=True, surveyed=found) == [(1, 1)]


def test_a_dependency_that_is_not_there_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "holes.jsonl"
    file.write_text('{"hole_id": 1}\n\n{"hole_id": 2, "depends_on": [1, "x"]}\n')
    with pytest.raises(InputError, match=r"holes.jsonl:3: depends_on: the hole 2 depends on 'x'"):
        survey(file)


def test_a_circle_of_dependencies_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "holes.jsonl"
    file.write_text('{"hole_id": 1, "depends_on": [2]}\n{"hole_id": 2, "depends_on": [1]}\n')
    with pytest.raises(InputError, match=r"depend on one another: . → . → ."):
        survey(file)
    file.write_text('{"hole_id": 1, "depends_on": [2]}\n{"hole_id": 2}\n')
    assert survey(file).ordered


@pytest.mark.parametrize("limit", [None, 2])
@pytest.mark.parametrize("twin", [False, True])
def test_what_was_surveyed_is_read_alike_once_more(tmp_path: Path, *, twin: bool, limit: int | None) -> None:
    lines = [hole(1), *([hole("1"), hole(1)] if twin else []), hole(2), hole(3)]
    path = write(tmp_path, *lines)
    found = survey(path, skip_invalid=True, limit=limit)
    assert found.wrong == 2 * twin
    assert ids(path, skip_invalid=True, limit=limit, surveyed=found) == ids(path, skip_invalid=True, limit=limit)
    assert len(ids(path, skip_invalid=True, limit=limit, surveyed=found)) == found.holes == (limit or 3)
