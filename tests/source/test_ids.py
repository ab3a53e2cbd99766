"""Ids that stay while other things change."""

from __future__ import annotations

from .conftest import Scan

TEXT = """\
class A:
    @property
    def f(self):
        pass

    @f.setter
    def f(self, value):
        pass

    def g(self, x):
        a = <<< HOLE >>>
        b = <<< HOLE >>>
        return a + b


def g(x):
    pass
"""


def ids(seen: Scan, text: str, path: str = "a.py") -> list[int | str]:
    return [hole.hole.id for hole in seen("python", text, path=path)]


def test_ids_are_distinct_64_bit_numbers(seen: Scan) -> None:
    found = ids(seen, TEXT)
    assert len(set(found)) == len(found) == 5
    assert all(isinstance(one, int) and 0 <= one < 2**64 for one in found)


def test_ids_do_not_depend_on_where_in_the_file_a_hole_is(seen: Scan) -> None:
    elsewhere = TEXT.replace("class A", "import x\n\n\ndef new():\n    pass\n\n\nclass A").replace(
        "return a", "return  a"
    )
    assert ids(seen, elsewhere)[1:] == ids(seen, TEXT)
    assert ids(seen, TEXT.replace("\n", "\r\n")) == ids(seen, TEXT)


def test_filling_one_hole_keeps_the_ids_of_the_others(seen: Scan) -> None:
    filled = TEXT.replace("value):\n        pass", "value):\n        self.x = value")
    before = ids(seen, TEXT)
    assert ids(seen, filled) == [before[0], *before[2:]]


def test_ids_depend_on_path_scope_and_text(seen: Scan) -> None:
    before = set(ids(seen, TEXT))
    assert not before & set(ids(seen, TEXT, path="b.py"))
    assert not before & set(ids(seen, "class B:\n    def f(self):\n        pass\n"))
    assert not before & set(ids(seen, "class A:\n    @property\n    def f(self):\n        ...\n"))


def test_an_id_is_the_same_in_every_release(seen: Scan) -> None:
    assert ids(seen, "def f():\n    pass\n") == [18404672939363256058]
