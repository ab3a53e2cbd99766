"""What of a checkout is not its own source: vendored, generated and binary files, told by their names and contents."""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a file or folder is passed over."""

    IGNORED = "ignored"
    VENDORED = "vendored"
    GENERATED = "generated"
    BINARY = "binary"
    OVERSIZED = "oversized"
    LINK = "link"
    EXCLUDED = "excluded"
    UNREADABLE = "unreadable"
    UNDECODABLE = "undecodable"
    UNPARSED = "unparsed"


FAULTS: Final = frozenset({Reason.UNREADABLE, Reason.UNDECODABLE, Reason.UNPARSED})
"""Reasons that say that something is wrong with a file."""

REPOSITORY: Final = ".git"
_APART: Final = frozenset({REPOSITORY, ".hg", ".svn", ".bzr", ".jj", ".pijul", "_darcs", "CVS", "__pycache__"})
_VENDORED: Final = frozenset(
    {
        *("node_modules", "bower_components", "jspm_packages", ".yarn", ".pnpm-store"),
        *("vendor", "vendored", "_vendor", "_vendored", "third_party", "third-party", "thirdparty"),
        *("3rdparty", "3rd_party", "Pods", "Carthage"),
        *("site-packages", "dist-packages", "__pypackages__", ".venv", "venv", ".tox", ".nox", ".eggs"),
        *(".gradle", "zig-cache", ".zig-cache", "zig-out"),
    }
)
# A folder with one of these in it is a Python environment, or a cache (https://bford.info/cachedir/).
_TELLTALES: Final = ("pyvenv.cfg", "CACHEDIR.TAG")

_GENERATED_NAME: Final = re.compile(
    r"(?:_pb2(?:_grpc)?\.pyi?|\.pb(?:\.gw)?\.(?:go|cc|h|c)|_pb\.(?:d\.ts|js|ts)|_grpc\.pb\.(?:go|cc|h)|[.-]min\.\w+"
    r"|[._](?:generated|gen|bundle)\.\w+|\.designer\.\w+)\Z|\A(?:zz_generated|moc_|ui_\w+\.h\Z|qrc_)",
    re.IGNORECASE,
)
_GENERATED_TEXT: Final = re.compile(
    rb"^[ \t]*(?:#|//|/\*|\*|--|<!--|;|\"\"\"|')[^\n]*?(?:(?<![\w`'\"])@generated\b"
    rb"|\bcode generated\b[^\n]*\bdo not edit\b|\bgenerated (?:by|from|with|using)\b[^\n]*\bdo not (?:edit|modify)\b"
    rb"|\b(?:is|was) (?:auto[- ]?|automatically |machine[- ])generated\b|\bauto-?generated (?:file|code|by|from)\b"
    rb"|\bdo not edit\b[^\n]*\bgenerated\b)",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER_BYTES: Final = 4096  # in which a generated file says so

# What minifiers write has few line ends; so many bytes between them, on the mean, nobody writes.
_MINIFIED_SUFFIXES: Final = (".js", ".mjs", ".cjs", ".ts", ".jsx", ".tsx")
_MINIFIED_BYTES: Final = 2048  # less is not worth telling apart
_MINIFIED_LINE: Final = 400  # mean bytes of a line

_OTHER_TEXT: Final = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}  # by the byte order mark


def is_apart(name: str) -> bool:
    """Whether a folder of that name belongs to a tool: a version control system, an interpreter."""
    return name in _APART


def is_vendored(name: str, entries: Collection[str] = ()) -> bool:
    """Whether a folder holds code of others.

    Args:
        name: its name.
        entries: names of what is in it, if known.
    """
    return name in _VENDORED or name.endswith(".egg-info") or any(telltale in entries for telltale in _TELLTALES)


def is_generated(name: str, data: bytes) -> bool:
    """Whether a file was written by a program, by its name or by what it says at its beginning.

    Args:
        name: its name.
        data: its content.
    """
    said = _GENERATED_NAME.search(name) is not None or _GENERATED_TEXT.search(data[:_HEADER_BYTES]) is not None
    return said or _is_minified(name, data)


def is_binary(data: bytes) -> bool:
    """Whether a content is no text: it holds a NUL, as git decides."""
    return b"\0" in data


def other_text(data: bytes) -> str | None:
    """What a content is that looks binary and is text all the same; None where it is not."""
    return _OTHER_TEXT.get(data[:2])


def _is_minified(name: str, data: bytes) -> bool:
    is_script = name.lower().endswith(_MINIFIED_SUFFIXES) and len(data) >= _MINIFIED_BYTES
    return is_script and len(data) > _MINIFIED_LINE * (data.count(b"\n") + data.count(b"\r") + 1)
