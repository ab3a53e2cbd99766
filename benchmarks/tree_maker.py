"""A source tree as large as one asks for: nine languages, files that call one another, holes at regular distances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILES_A_FOLDER = 40


@dataclass(frozen=True)
class Language:
    """How files of one language are written; templates take ``name``, ``other`` (a function elsewhere) and ``body``.

    Args:
        suffix: of file names.
        head: the beginning of a file.
        function: a function; ``{body}`` is its only statement.
        body: a body that is no hole.
        hole: a body that is one.
        fill: a body that may take the place of the hole.
    """

    suffix: str
    head: str
    function: str
    body: str
    hole: str
    fill: str


_BRACES = "int {name}(int value) {{\n    int twice = value + value;\n    {body}\n}}\n\n"
_ECMA = "export function {name}(value{type}){type} {{\n  const twice = value + value;\n  {body}\n}}\n\n"

LANGUAGES = {
    "python": Language(
        "py",
        '"""Part {number} of a generated tree."""\n\nimport math\n\n\n',
        'def {name}(value: int) -> int:\n    """The value after step {name}."""\n    {body}\n\n\n',
        "return {other}(value) if value < 0 else math.isqrt(value)",
        "raise NotImplementedError",
        "return value + 1",
    ),
    "rust": Language(
        "rs",
        "//! Part {number} of a generated tree.\n\n",
        "/// The value after a step.\npub fn {name}(value: i64) -> i64 {{\n    {body}\n}}\n\n",
        "if value < 0 {{ {other}(value) }} else {{ value * 2 }}",
        "todo!()",
        "value + 1",
    ),
    "go": Language(
        "go",
        "// Package part is part {number} of a generated tree.\npackage part\n\n",
        "// {name} is a step.\nfunc {name}(value int) int {{\n\t{body}\n}}\n\n",
        "return {other}(value) * 2",
        'panic("not implemented")',
        "return value + 1",
    ),
    "typescript": Language(
        "ts",
        "// Part {number} of a generated tree.\n\n",
        _ECMA.replace("{type}", ": number"),
        "return twice > 9 ? {other}(value) : twice;",
        "throw new Error('TODO');",
        "return twice + 1;",
    ),
    "javascript": Language(
        "js",
        "// Part {number} of a generated tree.\n\n",
        _ECMA.replace("{type}", ""),
        "return twice > 9 ? {other}(value) : twice;",
        "throw new Error('Not implemented');",
        "return twice + 1;",
    ),
    "java": Language(
        "java",
        "// Part {number} of a generated tree.\npackage part;\n\n",
        "final class C{name} {{\n    static int {name}(int value) {{\n        {body}\n    }}\n}}\n\n",
        "return C{other}.{other}(value) * 2;",
        "throw new UnsupportedOperationException();",
        "return value + 1;",
    ),
    "c": Language(
        "c",
        "/* Part {number} of a generated tree. */\n#include <assert.h>\n\n",
        _BRACES,
        "return {other}(twice);",
        "assert(false);",
        "return twice + 1;",
    ),
    "cpp": Language(
        "cpp",
        "// Part {number} of a generated tree.\n#include <stdexcept>\n\n",
        _BRACES,
        "return {other}(twice);",
        'throw std::runtime_error("TODO");',
        "return twice + 1;",
    ),
    "zig": Language(
        "zig",
        '// Part {number} of a generated tree.\nconst std = @import("std");\n\n',
        "pub fn {name}(value: i64) i64 {{\n    {body}\n}}\n\n",
        "return {other}(value) * 2;",
        '@panic("TODO");',
        "return value + 1;",
    ),
}


def make_tree(root: Path, *, files: int, holes: int, lines: int) -> int:
    """Write a tree; the number of lines written.

    Args:
        root: its folder, which is made.
        files: how many files, the languages in turn.
        holes: how many of the files have a hole, evenly spread; at most one each.
        lines: how many lines in all, about.
    """
    names = list(LANGUAGES)
    written = 0
    for number in range(files):
        kind = LANGUAGES[names[number % len(names)]]
        folder = root / f"area{number // (FILES_A_FOLDER * FILES_A_FOLDER)}" / f"part{number // FILES_A_FOLDER}"
        if number % FILES_A_FOLDER == 0:
            folder.mkdir(parents=True)
        has_hole = (number + 1) * holes // files > number * holes // files
        text = "".join(_parts(kind, number, files, lines // files, has_hole=has_hole))
        (folder / f"m{number}.{kind.suffix}").write_text(text)
        written += text.count("\n")
    return written


def _parts(kind: Language, number: int, files: int, lines: int, *, has_hole: bool) -> Iterator[str]:
    """The pieces of one file: its head and as many functions as come to `lines`."""
    step = kind.function.count("\n")
    count = max((lines - kind.head.count("\n")) // step, 2)
    yield kind.head.format(number=number)
    for index in range(count):
        is_hole = has_hole and index == count // 2
        # A function of the next file of the same language, so that what is looked up lies elsewhere.
        other = f"f{(number + len(LANGUAGES)) % files}x{index}"
        body = kind.hole if is_hole else kind.body.format(other=other)
        yield kind.function.format(name=f"f{number}x{index}", body=body)
