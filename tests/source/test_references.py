"""Names that texts mention, and imports."""

from __future__ import annotations

import time

import pytest

from maze_tasks.source.definitions import definitions_of
from maze_tasks.source.imports import Imported, Imports, imports_of
from maze_tasks.source.references import (
    chains,
    chains_in_prose,
    chains_in_signature,
    chains_used,
    types_in_prose,
    words_of,
)
from maze_tasks.syntax import parse


def test_chains_of_names_are_taken_apart_each_once() -> None:
    code = "a.b(c->d, e::F::new(1), a.b, 2.0, 'x')"
    assert list(chains(code)) == [("a", "b"), ("c", "d"), ("e", "F", "new"), ("x",)]


def test_used_names_are_called_dotted_or_capitalised() -> None:
    code = "total = first(items) + self.size * LIMIT - Box [0] and value"
    assert list(chains_used(code)) == [("first",), ("self", "size"), ("LIMIT",), ("Box",)]


def test_a_python_signature_mentions_types_defaults_and_decorators_but_declares_its_parameters() -> None:
    signature = "@cached(KEY)\nasync def take(self, first: Box[Item], *rest: 'Other', n=LIMIT, **more) -> Result:"
    found = {chain[0] for chain in chains_in_signature(signature, "python")}
    assert found == {"cached", "KEY", "Box", "Item", "Other", "LIMIT", "Result"}
    assert set(chains_in_signature("def broken(a: B", "python")) == {("def",), ("broken",), ("a",), ("B",)}
    assert ("Item",) in set(chains_in_signature("fn take(first: &Item) -> u8", "rust"))


def test_in_prose_a_name_is_set_off_or_spelled_as_one() -> None:
    text = "Takes the first of `items.all` by :func:`nth`, calls pop(), keeps max_size and MyType. Returns it."
    assert list(chains_in_prose(text)) == [("items", "all"), ("nth",), ("pop",), ("max_size",), ("MyType",)]
    assert list(types_in_prose("Returns a Match or None. Returns it.")) == [("Returns",), ("Match",), ("None",)]


def test_words_of_names() -> None:
    assert words_of("read_HTTPLine2") == ["read", "http", "line2"]
    assert words_of("__init__") == ["init"]


@pytest.mark.parametrize("text", ["a" * 20_000, "a." * 10_000, "_" * 20_000, "A1" * 10_000, "`" * 20_000])
def test_odd_texts_take_no_time_to_speak_of(text: str) -> None:
    before = time.process_time()
    for find in (chains, chains_used, chains_in_prose, types_in_prose):
        list(find(text))
    assert time.process_time() - before < 5  # what backtracks takes minutes


def imported(language: str, text: str) -> Imports:
    return imports_of(text.encode(), language, definitions_of(parse(language, text.encode())))


def test_imports_of_python_and_what_their_names_stand_for() -> None:
    found = imported(
        "python",
        "import os.path\nimport numpy as np\nfrom . import keys\nif TYPE_CHECKING:\n    from ..a.b import (\n"
        "        C,\n        d as e,\n    )\nfrom x import *\nimport os.path\ndef f():\n    import inner\n",
    )
    assert found.statements == (
        "import os.path",
        "import numpy as np",
        "from . import keys",
        "from ..a.b import (\n    C,\n    d as e,\n)",
        "from x import *",
    )
    assert found.names == {
        "os": Imported("os", None),
        "np": Imported("numpy", None),
        "keys": Imported(".", "keys"),
        "C": Imported("..a.b", "C"),
        "e": Imported("..a.b", "d"),
        "*": Imported("x", "*"),
    }


def test_a_broken_import_brings_no_names() -> None:
    assert imported("python", "import 5x\nfrom . import\nimport a.\n").names == {}


@pytest.mark.parametrize(
    ("language", "text", "names", "files"),
    [
        (
            "typescript",
            "import { A as B } from './a';\nconst c = require('./c');\n",
            {"B": "A", "c": "c"},
            ["./a", "./c"],
        ),
        ("rust", "use crate::a::{B, C as D};\n", {"B": "B", "D": "C"}, []),
        ("go", 'import (\n\tx "a/b"\n)\n', {"x": "x", "b": "b"}, ["a/b"]),
        ("java", "import a.b.C;\n", {"C": "C"}, []),
        ("c", '#include "a/b.h"\n#include <c.h>\n', {}, ["a/b.h"]),
        ("zig", 'const a = @import("a.zig");\nconst b = 1;\n', {"a": "a"}, ["a.zig"]),
    ],
)
def test_imports_of_other_languages(language: str, text: str, names: dict[str, str], files: list[str]) -> None:
    found = imported(language, text)
    assert {name: found.names[name].name for name in names} == names
    assert list(found.files) == files
    assert len(found.statements) == text.count("\n") - ("const b" in text) - 2 * (language == "go")
