"""Languages by the names of files."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final

# By suffix, in lower case. A header is C until its text says otherwise.
_BY_SUFFIX: Final = {
    "python": ("py", "pyi", "pyw"),
    "rust": ("rs",),
    "go": ("go",),
    "typescript": ("ts", "mts", "cts"),
    "tsx": ("tsx",),
    "javascript": ("js", "mjs", "cjs", "jsx"),
    "java": ("java",),
    "c": ("c", "h"),
    "cpp": ("cc", "cpp", "cxx", "c++", "hh", "hpp", "hxx", "h++", "ipp", "inl", "tpp"),
    "zig": ("zig",),
}
_LANGUAGE_OF: Final = {suffix: language for language, suffixes in _BY_SUFFIX.items() for suffix in suffixes}

LANGUAGES: Final = tuple(_BY_SUFFIX)
"""Names of all languages that can be parsed; ``tsx`` is typescript with elements of JSX in it."""

_LOOKED_AT: Final = 64 * 1024  # bytes of a header that are looked at
_SAYS_CPP: Final = re.compile(
    rb"^[ \t]*(?:(?:inline[ \t]+)?namespace\b|template[ \t]*<|using[ \t]+\w|(?:enum[ \t]+)?class[ \t]+\w"
    rb"|(?:public|private|protected)[ \t]*:|#[ \t]*include[ \t]*<[a-z_]+>)",
    re.MULTILINE,
)


def language_of(path: str | PurePath, data: bytes | None = None) -> str | None:
    """The language of a file, or None where it is in none of `LANGUAGES`.

    Args:
        path: its name; only the suffix counts.
        data: its content, if known: it decides whether a ``.h`` file is C or C++.
    """
    name = PurePath(path).name
    stem, dot, suffix = name.rpartition(".")
    if not dot or not stem:
        return None
    if suffix == "C":
        return "cpp"
    language = _LANGUAGE_OF.get(suffix.lower())
    if language == "c" and suffix.lower() == "h" and data is not None and _SAYS_CPP.search(data[:_LOOKED_AT]):
        return "cpp"
    return language
