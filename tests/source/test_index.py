"""Where in a tree names are defined."""

from __future__ import annotations

import tracemalloc

from maze_tasks.source.index import Entry, Index, module_parts, shared
from maze_tasks.syntax import language_of

FILES = {
    "pkg/__init__.py": b"from .a import f\n",
    "pkg/a.py": b"class C:\n    def f(self): pass\n    class N: pass\n\ndef f(): pass\nX = 1\n",
    "pkg/json.py": b"def dump(): pass\n",
    "json.py": b"def load(): pass\n",
    "src/geo.rs": b"impl P { fn new() {} }\nmod m { fn g() {} }\nstruct P;\n",
    "go/t.go": b"package t\nfunc (t *T) M() {}\n",
    "web/a.ts": b"export class C {}\n",
    "c/a.h": b"int f(void);\n",
    "c/deep/a.h": b"int h(void);\n",
    "bad.py": b"\xff\xfe",
}


def index_of(files: dict[str, bytes], **settings: int) -> Index:
    index = Index(files.get, **settings)
    for path, data in files.items():
        index.add(path, language_of(path) or "", data)
    return index


def places(entries: list[Entry]) -> list[str]:
    return [f"{entry.path}:{FILES[entry.path][entry.start : entry.end].decode()}" for entry in entries]


def test_a_name_is_found_in_the_files_of_its_language_with_what_defines_it() -> None:
    index = index_of(FILES)
    assert places(index.find("f", "python")) == ["pkg/a.py:def f(): pass"]
    assert places(index.find("f", "cpp")) == ["c/a.h:int f(void);"]
    assert [entry.path for entry in index.find("C", "javascript")] == ["web/a.ts"]
    assert index.find("C", "python")[0].kind == "type"
    assert places(index.find("N", "python")) == ["pkg/a.py:    class N: pass"]
    assert index.find("nowhere", "python") == []


def test_functions_beside_the_definition_of_their_type_are_found_by_it() -> None:
    index = index_of(FILES)
    assert places(index.members("T", "go")) == ["go/t.go:func (t *T) M() {}"]
    assert index.find("M", "go") == []
    assert places(index.members("P", "rust")) == ["src/geo.rs:fn new() {}"]
    assert places(index.find("g", "rust")) == ["src/geo.rs:fn g() {}"]
    assert index.members("C", "python") == []


def test_modules_are_found_by_their_dotted_names() -> None:
    index = index_of(FILES)
    assert index.modules(("pkg", "a"), "x.py", absolute=True) == ["pkg/a.py"]
    assert index.modules(("pkg",), "x.py", absolute=True) == ["pkg/__init__.py"]
    assert index.modules((), "x.py", absolute=True) == []


def test_a_module_within_a_package_is_not_the_library_s_of_that_name() -> None:
    index = index_of(FILES)
    assert index.modules(("json",), "pkg/a.py", absolute=True) == ["json.py"]
    assert index.modules(("pkg", "json"), "pkg/a.py", absolute=False) == ["pkg/json.py"]


def test_included_files_are_found_by_their_names_the_nearest_first() -> None:
    index = index_of(FILES)
    assert index.included("a.h", "c/deep/x.c") == [("c/deep/a.h", "c"), ("c/a.h", "c")]
    assert index.included("./deep/a.h", "c/x.c") == [("c/deep/a.h", "c")]
    assert index.included("stdio.h", "c/x.c") == []


def test_what_cannot_be_read_is_passed_over() -> None:
    index = Index(FILES.get)
    assert not index.add("bad.py", "python", FILES["bad.py"])
    assert index.add("pkg/a.py", "python", FILES["pkg/a.py"])
    assert len(index) == 4


def test_it_holds_no_more_than_it_may() -> None:
    table = b"".join(b"x%d = 1\n" % number for number in range(3000))
    index = index_of({"a.py": table, "b.py": b"y = 1\n"}, most=100)
    assert len(index) == 100
    assert index.is_full
    assert index.find("y", "python") == []
    assert len(index_of({"a.py": table})) == 1000  # one file does not crowd out the others
    many = {f"d{number}/main.py": b"def main(): pass\n" for number in range(100)}
    assert len(index_of(many).find("main", "python")) == 64


def test_what_it_holds_does_not_lie_in_memory() -> None:
    table = b"".join(b"name_of_a_value_%d = 1\n" % number for number in range(1000))
    index = Index(lambda path: table)
    index.add("first.py", "python", table)
    tracemalloc.start()
    try:
        for number in range(20):
            index.add(f"m{number}.py", "python", table.replace(b"value", b"value_of_%d" % number))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(index) == 21_000
    assert kept < 200_000
    assert [entry.path for entry in index.find("name_of_a_value_of_7_999", "python")] == ["m7.py"]


def test_names_that_are_no_unicode_are_held_as_they_are() -> None:
    index = index_of({"odd\udcff.py": b"def f(): pass\n"})
    assert [entry.path for entry in index.find("f", "python")] == ["odd\udcff.py"]


def test_paths_as_modules() -> None:
    assert module_parts("a/b/__init__.py") == ("a", "b")
    assert module_parts("a/b.py") == ("a", "b")
    assert module_parts("src/store/mod.rs") == ("src", "store")
    assert module_parts("a/mod.py") == ("a", "mod")
    assert module_parts("__init__.py") == ("__init__",)
    assert (shared("a/b/c.py", "a/b/d.py"), shared("a/c.py", "b/c.py"), shared("a.py", "b.py")) == (2, 0, 0)
