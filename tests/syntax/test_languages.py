"""Languages by the names of files."""

from __future__ import annotations

import pytest

from maze_tasks.syntax import LANGUAGES, language_of


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a.py", "python"),
        ("a/b.pyi", "python"),
        ("a.rs", "rust"),
        ("a.go", "go"),
        ("a.ts", "typescript"),
        ("a.d.ts", "typescript"),
        ("a.tsx", "tsx"),
        ("a.js", "javascript"),
        ("a.MJS", "javascript"),
        ("A.java", "java"),
        ("a.c", "c"),
        ("a.h", "c"),
        ("a.C", "cpp"),
        ("a.hpp", "cpp"),
        ("a.zig", "zig"),
        ("README.md", None),
        ("Makefile", None),
        (".py", None),
        ("py", None),
        ("a.py/b", None),
        ("", None),
    ],
)
def test_the_suffix_decides(path: str, language: str | None) -> None:
    assert language_of(path) == language
    assert language is None or language in LANGUAGES


@pytest.mark.parametrize(
    "text",
    [b"#pragma once\nnamespace a {\n", b"class A {\n", b"  template <class T>\n", b"#include <vector>\n", b"public:\n"],
)
def test_a_header_with_words_of_cpp_is_cpp(text: bytes) -> None:
    assert language_of("a.h", text) == "cpp"


@pytest.mark.parametrize(
    "text", [b"", b"#include <stdio.h>\nint f(void);\n", b"/* a class A */ struct a { int x; };\n"]
)
def test_any_other_header_is_c(text: bytes) -> None:
    assert language_of("a.h", text) == "c"
